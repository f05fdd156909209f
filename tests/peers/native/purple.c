/* The native scenario with libpurple, as a program without windows: its core, the XMPP plugin over
 * `bosh_url`, and GLib's main loop. libpurple wants HTML from those who speak through it. */
#include "scenario.h"

#include <stdbool.h>
#include <glib.h>
#include <purple.h>

/* There is one person in a program, and libpurple's callbacks find it here. */
static struct scenario s;
static struct {
	PurpleAccount *account;
	char *peer; /* the other's bare address */
	PurpleConversation *chat_with_peer;
	char *mechanism, *disco, *odd, *pushed, *name, *group;
	long roster_before;
	bool online, offline, chat_joined;
	int chat;		       /* libpurple's number of the room */
	GPtrArray *heard, *room_heard; /* of char *, owned */
	guint taken;
	char *failed; /* why the connection broke */
} me = {.roster_before = -1};

/* In place of libpurple's own, which has buffers grow by 256 bytes: one that is empty, was written
 * to its very end and then grows is read for ever, and takes all memory (2.14.12, where the BOSH
 * code gathers stanzas). One that never has to grow is sound. */
PurpleCircBuffer *purple_circ_buffer_new(gsize growsize)
{
	PurpleCircBuffer *b = g_new0(PurpleCircBuffer, 1);

	(void)growsize;
	b->growsize = 4 << 20;
	return b;
}

/* What libpurple wants of a main loop. */

struct watch {
	PurpleInputFunction function;
	gpointer data;
};

static gboolean watched(GIOChannel *channel, GIOCondition condition, gpointer data)
{
	struct watch *w = data;
	int happened = 0;

	if (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR))
		happened |= PURPLE_INPUT_READ;
	if (condition & (G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL))
		happened |= PURPLE_INPUT_WRITE;
	w->function(w->data, g_io_channel_unix_get_fd(channel), happened);
	return TRUE;
}

static guint watch_add(int fd, PurpleInputCondition wanted, PurpleInputFunction f, gpointer data)
{
	GIOCondition condition = G_IO_HUP | G_IO_ERR | G_IO_NVAL;
	GIOChannel *channel = g_io_channel_unix_new(fd);
	struct watch *w = g_new(struct watch, 1);
	guint id;

	*w = (struct watch){f, data};
	if (wanted & PURPLE_INPUT_READ)
		condition |= G_IO_IN;
	if (wanted & PURPLE_INPUT_WRITE)
		condition |= G_IO_OUT;
	id = g_io_add_watch_full(channel, G_PRIORITY_DEFAULT, condition, watched, w, g_free);
	g_io_channel_unref(channel);
	return id;
}

/* libpurple gathers what it sends for one such second, which makes a login last for ten. */
static guint seconds_add(guint seconds, GSourceFunc f, gpointer data)
{
	return g_timeout_add(1000 * seconds / s.haste, f, data);
}

static PurpleEventLoopUiOps loop_ops = {.timeout_add = g_timeout_add,
					.timeout_remove = g_source_remove,
					.input_add = watch_add,
					.input_remove = g_source_remove,
					.timeout_add_seconds = seconds_add};

/* Whoever asks to see our presence may. */
static void *agree(PurpleAccount *account, const char *who, const char *id, const char *alias,
		   const char *message, gboolean listed, PurpleAccountRequestAuthorizationCb yes,
		   PurpleAccountRequestAuthorizationCb no, void *data)
{
	(void)account, (void)who, (void)id, (void)alias, (void)message, (void)listed, (void)no;
	yes(data);
	return NULL;
}

/* Of a new room it asks whether to configure it; the last choice is to take it as it is. */
static void *choose_last(const char *title, const char *primary, const char *secondary, int preset,
			 PurpleAccount *account, const char *who, PurpleConversation *conv,
			 void *data, size_t count, va_list actions)
{
	PurpleRequestActionCb chosen = NULL;

	(void)title, (void)primary, (void)secondary, (void)preset, (void)account, (void)who,
	    (void)conv;
	for (size_t i = 0; i < count; i++) {
		va_arg(actions, char *);
		chosen = va_arg(actions, PurpleRequestActionCb);
	}
	if (chosen)
		chosen(data, (int)count - 1);
	return NULL;
}

static PurpleAccountUiOps account_ops = {.request_authorize = agree};
static PurpleRequestUiOps request_ops = {.request_action = choose_last};

/* What happens is kept in `me`. */

/* Replaces what is kept there by a copy; NULL is kept as "". */
static void keep(char **where, const char *text)
{
	g_free(*where);
	*where = g_strdup(text ? text : "");
}

static void on_signed_on(PurpleConnection *gc)
{
	(void)gc;
	me.online = true;
}

static void on_signed_off(PurpleConnection *gc)
{
	(void)gc;
	me.offline = true;
}

static void on_error(PurpleConnection *gc, PurpleConnectionError e, const char *text)
{
	(void)gc, (void)e;
	keep(&me.failed, text);
}

static void on_sending(PurpleConnection *gc, xmlnode **packet)
{
	(void)gc;
	if (*packet && !strcmp((*packet)->name, "auth"))
		keep(&me.mechanism, xmlnode_get_attrib(*packet, "mechanism"));
}

static void take_roster(const char *type, xmlnode *query)
{
	xmlnode *item = xmlnode_get_child(query, "item");

	if (!strcmp(type, "result")) {
		for (me.roster_before = 0; item; item = xmlnode_get_next_twin(item))
			me.roster_before++;
	} else if (!strcmp(type, "set") && item && xmlnode_get_child(item, "group")) {
		char *group = xmlnode_get_data(xmlnode_get_child(item, "group"));

		keep(&me.pushed, xmlnode_get_attrib(item, "jid"));
		keep(&me.name, xmlnode_get_attrib(item, "name"));
		keep(&me.group, group);
		g_free(group);
	}
}

static gboolean on_iq(PurpleConnection *gc, const char *type, const char *id, const char *from,
		      xmlnode *iq)
{
	xmlnode *query = xmlnode_get_child_with_namespace(iq, "query", "jabber:iq:roster");

	(void)gc, (void)from;
	if (query)
		take_roster(type, query);
	if (id && !strcmp(id, "scenario-disco")) {
		xmlnode *identity = xmlnode_get_child(iq, "query/identity");

		keep(&me.disco, identity ? xmlnode_get_attrib(identity, "category") : "none");
	}
	if (id && !strcmp(id, "scenario-odd"))
		keep(&me.odd, type);
	return FALSE;
}

/* The text of what libpurple shows; it writes a line's end in two ways, and one of them is not
 * undone by its own purple_unescape_html(). The caller frees it. */
static char *text_of(const char *html)
{
	char *broken = purple_strreplace(html, "<BR>", "<br>");
	char *text = purple_unescape_html(broken);

	g_free(broken);
	return text;
}

static void on_message(PurpleAccount *account, char *who, char *html, PurpleConversation *conv,
		       PurpleMessageFlags flags)
{
	(void)account, (void)conv, (void)flags;
	if (g_str_has_prefix(who, me.peer))
		g_ptr_array_add(me.heard, text_of(html));
}

static void on_room_message(PurpleAccount *account, char *who, char *html, PurpleConversation *conv,
			    PurpleMessageFlags flags)
{
	char *text = text_of(html);

	(void)account, (void)conv, (void)flags;
	g_ptr_array_add(me.room_heard, g_strdup_printf("%s: %s", who, text));
	g_free(text);
}

static void on_chat_joined(PurpleConversation *conv)
{
	me.chat = purple_conv_chat_get_id(purple_conversation_get_chat_data(conv));
	me.chat_joined = true;
}

/* What the scenario waits for. */

static bool is_listed(void)
{
	return me.online && me.roster_before >= 0;
}

static bool is_discovered(void)
{
	return me.disco && me.odd;
}

static PurplePresence *presence_of_peer(void)
{
	PurpleBuddy *b = purple_find_buddy(me.account, me.peer);

	return b ? purple_buddy_get_presence(b) : NULL;
}

static bool is_peer_seen(void)
{
	PurplePresence *p = presence_of_peer();

	return p && purple_presence_is_online(p) && me.pushed;
}

static bool is_peer_gone(void)
{
	return !purple_presence_is_online(presence_of_peer());
}

static bool is_heard(void)
{
	return me.heard->len > me.taken;
}

static PurpleConvChat *room(void)
{
	PurpleConversation *c =
	    me.chat_joined ? purple_find_chat(purple_account_get_connection(me.account), me.chat)
			   : NULL;

	return c ? purple_conversation_get_chat_data(c) : NULL;
}

static bool is_in_room(void)
{
	return room() && purple_conv_chat_find_user(room(), scenario_nick(s.lead));
}

static bool is_other_in_room(void)
{
	return purple_conv_chat_find_user(room(), scenario_nick(!s.lead));
}

static bool is_room_heard(void)
{
	return me.room_heard->len >= 2;
}

static bool is_offline(void)
{
	return me.offline;
}

static bool never(void)
{
	return false;
}

static gboolean tick(gpointer data)
{
	(void)data;
	return TRUE;
}

/* Let libpurple work for so many seconds or until that holds; returns whether it does. */
static bool work(bool (*holds)(void), int seconds)
{
	gint64 end = g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;

	while (!holds()) {
		if (me.failed || g_get_monotonic_time() > end)
			return false;
		g_main_context_iteration(NULL, TRUE);
	}
	return true;
}

static void until(const char *what, bool (*holds)(void), int seconds)
{
	if (work(holds, seconds))
		return;
	fprintf(stderr, "%s: waited in vain for: %s (%s; %u messages)\n", s.user, what,
		me.failed ? me.failed : "connected", me.heard->len);
	exit(1);
}

static PurpleConnection *connection(void)
{
	return purple_account_get_connection(me.account);
}

/* As HTML; the caller frees it. */
static char *html_of(const char *text)
{
	char *escaped = purple_markup_escape_text(text, -1);
	char *html = purple_strreplace(escaped, "\n", "<br>");

	g_free(escaped);
	return html;
}

static void say(const char *text)
{
	char *html = html_of(text);

	purple_conv_im_send(purple_conversation_get_im_data(me.chat_with_peer), html);
	g_free(html);
}

/* Lends the next message of the other's that was not taken yet. */
static const char *hear(const char *what, int seconds)
{
	until(what, is_heard, seconds);
	return g_ptr_array_index(me.heard, me.taken++);
}

/* libpurple's debug log: standard output is for the facts. */
static void print(const char *text)
{
	fprintf(stderr, "%s: %s", s.user, text);
}

static void start(void)
{
	g_set_print_handler(print);
	purple_util_set_user_dir(s.folder);
	purple_debug_set_enabled(getenv("NATIVE_LOG") != NULL);
	purple_debug_set_verbose(getenv("NATIVE_LOG") != NULL);
	purple_eventloop_set_ui_ops(&loop_ops);
	purple_accounts_set_ui_ops(&account_ops);
	purple_request_set_ui_ops(&request_ops);
	if (!purple_core_init("scenario") || !purple_find_prpl("prpl-jabber")) {
		fprintf(stderr, "libpurple does not start, or knows no XMPP\n");
		exit(1);
	}
	purple_network_force_online();
	purple_prefs_set_bool("/purple/logging/log_ims", FALSE);
	purple_prefs_set_bool("/purple/logging/log_chats", FALSE);
	purple_set_blist(purple_blist_new());
	g_timeout_add(100, tick, NULL);
	me.heard = g_ptr_array_new();
	me.room_heard = g_ptr_array_new();
}

static void listen_to_signals(void)
{
	static int handle;
	const struct {
		void *of;
		const char *name;
		PurpleCallback f;
	} signals[] = {
	    {purple_connections_get_handle(), "signed-on", PURPLE_CALLBACK(on_signed_on)},
	    {purple_connections_get_handle(), "signed-off", PURPLE_CALLBACK(on_signed_off)},
	    {purple_connections_get_handle(), "connection-error", PURPLE_CALLBACK(on_error)},
	    {purple_conversations_get_handle(), "received-im-msg", PURPLE_CALLBACK(on_message)},
	    {purple_conversations_get_handle(), "received-chat-msg",
	     PURPLE_CALLBACK(on_room_message)},
	    {purple_conversations_get_handle(), "chat-joined", PURPLE_CALLBACK(on_chat_joined)},
	    {purple_find_prpl("prpl-jabber"), "jabber-sending-xmlnode",
	     PURPLE_CALLBACK(on_sending)},
	    {purple_find_prpl("prpl-jabber"), "jabber-receiving-iq", PURPLE_CALLBACK(on_iq)},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
		purple_signal_connect(signals[i].of, signals[i].name, &handle, signals[i].f, NULL);
}

static void log_in(void)
{
	char *jid = g_strdup_printf("%s@%s/purple", s.user, s.domain);
	char *url = g_strdup_printf("http://127.0.0.1:%s%s", s.port, s.path);
	PurpleSavedStatus *status = purple_savedstatus_new(NULL, PURPLE_STATUS_UNAVAILABLE);

	me.account = purple_account_new(jid, "prpl-jabber");
	purple_account_set_password(me.account, s.password);
	purple_account_set_string(me.account, "bosh_url", url);
	/* The last mile is plain HTTP on loopback. */
	purple_account_set_string(me.account, "connection_security", "opportunistic_tls");
	purple_accounts_add(me.account);
	purple_savedstatus_set_message(status, SCENARIO_STATUS);
	purple_savedstatus_activate(status);
	purple_account_set_enabled(me.account, "scenario", TRUE);
	until("login and roster", is_listed, SCENARIO_PATIENCE);
	facts_text("mechanism", me.mechanism);
	facts_text("jid", purple_connection_get_display_name(connection())
			      ? purple_connection_get_display_name(connection())
			      : jid);
	facts_number("rosterBefore", me.roster_before);
	g_free(jid);
	g_free(url);
}

/* Until the program is killed. */
static void listen_only(void)
{
	scenario_ready(me.account->username);
	for (;;)
		scenario_got(hear("more", 3600));
}

static void ask(const char *id, const char *ns)
{
	PurplePlugin *plugin = purple_find_prpl("prpl-jabber");
	char *iq = g_strdup_printf("<iq type='get' id='%s' to='%s'><query xmlns='%s'/></iq>", id,
				   s.domain, ns);

	PURPLE_PLUGIN_PROTOCOL_INFO(plugin)->send_raw(connection(), iq, (int)strlen(iq));
	g_free(iq);
}

static void discover(void)
{
	ask("scenario-disco", "http://jabber.org/protocol/disco#info");
	ask("scenario-odd", "urn:example:no-such");
	until("answers to both queries", is_discovered, SCENARIO_PATIENCE);
	facts_text("disco", me.disco);
	facts_text("oddIq", me.odd);
}

/* Both ask, both agree, both see the other's presence. */
static void befriend(void)
{
	PurpleGroup *group = purple_group_new(SCENARIO_GROUP);
	PurpleBuddy *buddy = purple_buddy_new(me.account, me.peer, SCENARIO_NAME);
	PurpleStatus *status;

	purple_blist_add_group(group, NULL);
	purple_blist_add_buddy(buddy, NULL, group, NULL);
	purple_account_add_buddy(me.account, buddy);
	until("roster push and the other's presence", is_peer_seen, SCENARIO_PATIENCE);
	status = purple_presence_get_active_status(presence_of_peer());
	facts_text("rosterPush", me.pushed);
	facts_text("rosterName", me.name);
	facts_text("rosterGroup", me.group);
	facts_text("presenceShow", purple_status_get_id(status));
	facts_text("presenceStatus", purple_status_get_attr_string(status, "message")
					 ? purple_status_get_attr_string(status, "message")
					 : "");
}

static void talk(void)
{
	const char *big;

	me.chat_with_peer = purple_conversation_new(PURPLE_CONV_TYPE_IM, me.account, me.peer);
	for (int i = 0; i < s.count; i++)
		say(s.texts[i]);
	facts_key("heard");
	for (int i = 0; i < s.count; i++) {
		fputs(i ? ", " : "[", stdout);
		facts_string(hear("all messages", SCENARIO_PATIENCE));
	}
	fputs("]", stdout);
	say(s.big);
	big = hear("the big message", SCENARIO_PATIENCE);
	facts_number("bigBytes", (long)strlen(big));
	facts_number("bigSame", !strcmp(big, s.big));
}

static void meet(void)
{
	char **parts = g_strsplit(s.room, "@", 2), *html = html_of("An alle: <&> 🎣");
	GHashTable *where = g_hash_table_new(g_str_hash, g_str_equal);

	if (!s.lead)
		hear("word of the room", SCENARIO_PATIENCE);
	g_hash_table_insert(where, (void *)"room", parts[0]);
	g_hash_table_insert(where, (void *)"server", parts[1]);
	g_hash_table_insert(where, (void *)"handle", (void *)scenario_nick(s.lead));
	serv_join_chat(connection(), where);
	until("own room presence", is_in_room, SCENARIO_PATIENCE);
	if (s.lead)
		say(SCENARIO_ROOM_OPEN);
	until("the other's room presence", is_other_in_room, SCENARIO_PATIENCE);
	purple_conv_chat_send(room(), html);
	until("both room messages", is_room_heard, SCENARIO_PATIENCE);
	facts_number("room", 1);
	if (s.lead) /* both have heard both before anybody leaves */
		hear("the other's word", SCENARIO_PATIENCE);
	else
		say("heard all");
	serv_chat_leave(connection(), me.chat);
	g_hash_table_destroy(where);
	g_strfreev(parts);
	g_free(html);
}

/* The lead breaks the silence and counts how long the answer takes. */
static void be_silent(void)
{
	gint64 since;

	if (!s.lead) {
		facts_text("late", hear("a late message", s.idle + SCENARIO_PATIENCE));
		say("yes");
		return;
	}
	work(never, s.idle);
	since = g_get_monotonic_time();
	say(SCENARIO_LATE);
	facts_text("late", hear("the answer", SCENARIO_PATIENCE));
	facts_number("lateMs", (long)((g_get_monotonic_time() - since) / 1000));
}

static void log_out(void)
{
	if (!s.lead) {
		until("the other's going", is_peer_gone, SCENARIO_PATIENCE);
		facts_number("gone", 1);
	}
	purple_account_disconnect(me.account);
	until("being offline", is_offline, SCENARIO_PATIENCE);
	facts_number("closed", 1);
}

int main(int argc, char **argv)
{
	s = scenario_read(argc, argv);
	me.peer = g_strdup_printf("%s@%s", s.peer, s.domain);
	start();
	listen_to_signals();
	log_in();
	if (s.listen)
		listen_only();
	discover();
	befriend();
	talk();
	meet();
	be_silent();
	log_out();
	facts_end();
	return 0;
}
