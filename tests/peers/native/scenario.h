/* What the native client programs share: the options they take, the words both sides must agree
 * on, and the facts they print, one object of JSON in one line.
 *
 * Each program is one person. Two of them, started with each other's name, do the same and wait
 * for each other by what comes over XMPP; only the first ("lead") opens the room and leaves first.
 * The judging is done by pytest. */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCENARIO_STATUS "beschäftigt 🛠"
#define SCENARIO_NAME "Bœb & \"Co\" 🎣"
#define SCENARIO_GROUP "Füße <&>"
#define SCENARIO_ROOM_OPEN "the room is open"
#define SCENARIO_LATE "still there? ⚓"
#define SCENARIO_PATIENCE 30 /* seconds to wait for anything */

/* All lent by argv. */
struct scenario {
	const char *port; /* of Fairlead, on 127.0.0.1 */
	const char *path; /* of BOSH there */
	const char *domain;
	const char *user, *password;
	const char *peer;   /* the other's user name */
	const char *room;   /* a room's whole address */
	const char *folder; /* for files of its own */
	int lead;
	int idle;   /* seconds to say nothing */
	int haste;  /* how many of the seconds that the library counts fit into one; default 1 */
	int listen; /* only log in, and print what is heard until killed: READY, then GOT TEXT */
	const char *big; /* a long message */
	char **texts;	 /* what to say, in order */
	int count;
};

static inline const char *scenario_nick(int lead)
{
	return lead ? "Älice" : "Bøb";
}

/* NAME=VALUE for each field but texts, then all texts as they are, after "--". Ends the program
 * when it cannot read them. */
static inline struct scenario scenario_read(int argc, char **argv)
{
	struct scenario s;
	const struct {
		const char *name, **text;
		int *number;
	} fields[] = {
	    {"port", &s.port, 0},    {"path", &s.path, 0},	   {"domain", &s.domain, 0},
	    {"user", &s.user, 0},    {"password", &s.password, 0}, {"peer", &s.peer, 0},
	    {"room", &s.room, 0},    {"folder", &s.folder, 0},	   {"big", &s.big, 0},
	    {"lead", 0, &s.lead},    {"idle", 0, &s.idle},	   {"haste", 0, &s.haste},
	    {"listen", 0, &s.listen}};
	int i;

	memset(&s, 0, sizeof(s));
	s.haste = 1;
	for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		size_t n = strcspn(argv[i], "="), k = 0, end = sizeof(fields) / sizeof(*fields);

		while (k < end &&
		       (strlen(fields[k].name) != n || strncmp(fields[k].name, argv[i], n)))
			k++;
		if (k == end || !argv[i][n]) {
			fprintf(stderr, "no option: %s\n", argv[i]);
			exit(2);
		}
		if (fields[k].text)
			*fields[k].text = argv[i] + n + 1;
		else
			*fields[k].number = atoi(argv[i] + n + 1);
	}
	s.texts = argv + i + 1;
	s.count = i < argc ? argc - i - 1 : 0;
	return s;
}

static inline void facts_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char)*text < ' ')
			printf("\\u%04x", (unsigned char)*text);
		else
			putchar(*text);
	}
	putchar('"');
}

/* Begins with a brace the first time; facts_end() closes it. */
static inline void facts_key(const char *key)
{
	static int begun;

	fputs(begun ? ", " : "{", stdout);
	begun = 1;
	facts_string(key);
	fputs(": ", stdout);
}

static inline void facts_text(const char *key, const char *text)
{
	facts_key(key);
	facts_string(text);
}

static inline void facts_number(const char *key, long number)
{
	facts_key(key);
	printf("%ld", number);
}

/* To listen(): what stands before a line is not of interest. */
static inline void scenario_ready(const char *jid)
{
	printf("\nREADY %s\n", jid);
	fflush(stdout);
}

static inline void scenario_got(const char *text)
{
	printf("GOT %s\n", text);
	fflush(stdout);
}

static inline void facts_end(void)
{
	puts("}");
	fflush(stdout);
}

#endif
