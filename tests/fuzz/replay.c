/* Feeds every file of the folders named to a fuzz target: the corpus as a test, without a fuzzer.
 * usage: replay FOLDER...    A folder that is missing or empty is a failure. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int feed(const char *folder, const char *name)
{
	char path[4096];
	uint8_t *data;
	long n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rb");
	if (!f || fseek(f, 0, SEEK_END) < 0 || (n = ftell(f)) < 0) {
		perror(path);
		return -1;
	}
	rewind(f);
	data = malloc((size_t)n + !n);
	if (!data || fread(data, 1, (size_t)n, f) != (size_t)n) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return -1;
	}
	fclose(f);
	LLVMFuzzerTestOneInput(data, (size_t)n);
	free(data);
	return 0;
}

static int feed_all(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	int files = 0;

	if (!d) {
		perror(folder);
		return -1;
	}
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		if (feed(folder, e->d_name) < 0)
			return -1;
		files++;
	}
	closedir(d);
	printf("%s: %d files\n", folder, files);
	return files ? 0 : -1;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (feed_all(argv[i]) < 0)
			return 1;
	return argc > 1 ? 0 : 1;
}
