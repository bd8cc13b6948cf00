/* SPDX-License-Identifier: ISC */
/*
 * The guest of xenstore.sh. Argument: what to do.
 *
 *     walk     when data/go appears: all that lies below its own directory, as
 *              "W PATH = "VALUE"" lines, as xenstore-ls -f writes them
 *     quota    watches till xenstored refuses; when data/go appears, 1,000 of
 *              them, which all see one change; nodes till it refuses
 *     race     read what dom0 changes, hides, removes and makes again
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/task.h>
#include <fata/xen/xs.h>
#include <lib/guest.h>
#include <string.h>

#define MANY 1000

static uint64_t soon(void)
{
	return clock_deadline(300 * FATA_NS_PER_S);
}

static void tell(const char *text)
{
	check_equal(xs_write(NULL, "data/said", text, strlen(text), soon()), 0);
}

/* Until dom0 has written this to data/go. */
static void wait_go(const char *what)
{
	char *value = NULL;
	bool there = false;

	for (uint64_t end = soon(); !there; fata_sleep(FATA_NS_PER_MS * 50)) {
		check(clock_mono_ns() < end);
		if (xs_read(NULL, "data/go", &value, NULL, soon()))
			continue;
		there = strcmp(value, what) == 0;
		free(value);
	}
}

/* --- walk --------------------------------------------------------------- */

static unsigned walked;

/* As xenstore-ls: control characters and backslashes by name. */
static void escape(char *to, const char *from, size_t n)
{
	static const char plain[] = "\t\n\r\\", names[] = "tnr\\";

	for (; n > 0; n--, from++) {
		const char *at = *from ? strchr(plain, *from) : NULL;

		if (at)
			*to++ = '\\';
		*to++ = at ? names[at - plain] : *from;
	}
	*to = 0;
}

static void walk(const char *path)
{
	char sub[XS_PATH_SIZE], **names, *value, text[600];
	unsigned n;
	size_t size;

	check_equal(xs_directory(NULL, path, &names, &n, soon()), 0);
	for (unsigned i = 0; i < n; i++) {
		check_equal(xs_path(sub, "%s/%s", path, names[i]), 0);
		check_equal(xs_read(NULL, sub, &value, &size, soon()), 0);
		check(size < sizeof(text) / 2);
		escape(text, value, size);
		printf("W %s = \"%s\"\n", sub, text);
		free(value);
		walked++;
		walk(sub);
	}
	free(names);
}

static void test_walk(void)
{
	char *home;
	uint64_t id;

	check_equal(xs_read_u64(NULL, "domid", 65535, &id, soon()), 0);
	check_equal(xs_get_domain_path(id, &home, soon()), 0);
	wait_go("walk");
	walk(home);
	printf("walked %u\n", walked);
	free(home);
}

/* --- quota -------------------------------------------------------------- */

static struct xs_watch *watches[MANY];

static unsigned watch_many(int *err)
{
	unsigned n;

	*err = 0;
	for (n = 0; n < MANY; n++) {
		*err = xs_watch(&watches[n], "data/many", NULL, NULL, soon());
		if (*err)
			break;
	}
	return n;
}

static void unwatch_many(unsigned n)
{
	while (n-- > 0)
		xs_unwatch(watches[n]);
}

/* One event for the registration, then one for each change. */
static void all_fire(unsigned n)
{
	char *path;

	for (unsigned i = 0; i < n; i++) {
		while (xs_watch_next(watches[i], &path, 0) == 0)
			free(path);
	}
	check_equal(xs_write(NULL, "data/many", "x", 1, soon()), 0);
	for (unsigned i = 0; i < n; i++) {
		check_equal(xs_watch_next(watches[i], &path, soon()), 0);
		check(strstr(path, "data/many") != NULL);
		free(path);
	}
}

static unsigned nodes_till_refused(int *err)
{
	unsigned n;

	for (n = 0; n < 5000; n++) {
		char path[XS_PATH_SIZE];

		xs_path(path, "data/nodes/%u", n);
		*err = xs_write(NULL, path, "", 0, soon());
		if (*err)
			break;
	}
	check_equal(xs_rm(NULL, "data/nodes", soon()), 0);
	return n;
}

static void test_quota(void)
{
	static char large[3000];
	struct xs_stat s;
	int err;
	unsigned n = watch_many(&err);

	printf("watches %u error %d\n", n, err);
	xs_stat(&s);
	all_fire(n);
	unwatch_many(n);
	tell("refused");
	wait_go("again");
	n = watch_many(&err);
	printf("watches %u error %d\n", n, err);
	all_fire(n);
	unwatch_many(n);
	n = nodes_till_refused(&err);
	printf("nodes %u error %d\n", n, err);
	check_equal(nodes_till_refused(&err), n);
	err = xs_write(NULL, "data/large", large, sizeof(large), soon());
	printf("value 3000 error %d\n", err);
	check_equal(xs_write(NULL, "data/large", large, 100, soon()), 0);
}

/* --- race --------------------------------------------------------------- */

static struct {
	unsigned fine, hidden, gone, other;
} seen;

static void note(int err)
{
	seen.fine += err == 0;
	seen.hidden += err == -EACCES;
	seen.gone += err == -ENOENT;
	if (err && err != -EACCES && err != -ENOENT) {
		printf("an error that should not be: %d\n", err);
		seen.other++;
	}
}

static int read_race(struct xs_transaction *t, void *arg)
{
	char *value;
	int err = xs_read(t, "data/race/x", &value, NULL, soon());

	(void)arg;
	if (err)
		return err;
	/* the whole of one write, never a mixture */
	check(strlen(value) == 64 &&
	      strspn(value, value[0] == 'a' ? "a" : "b") == 64);
	free(value);
	return 0;
}

static int change_race(struct xs_transaction *t, void *arg)
{
	int err = read_race(t, arg);

	return err ? err : xs_write(t, "data/race/y", "1", 1, soon());
}

static void test_race(void)
{
	char **names;
	unsigned n, turns = 0;
	int err;
	uint64_t stop = 0;

	tell("racing");
	while (!stop) {
		note(read_race(NULL, NULL));
		err = xs_directory(NULL, "data/race", &names, &n, soon());
		if (err == 0)
			free(names);
		note(err);
		err = xs_transaction(change_race, NULL, soon());
		note(err == -EAGAIN ? 0 : err);
		if (++turns % 50 == 0 &&
		    xs_read_u64(NULL, "data/stop", 1, &stop, soon()))
			stop = 0;
	}
	printf("turns %u fine %u hidden %u gone %u other %u\n", turns,
	       seen.fine, seen.hidden, seen.gone, seen.other);
}

int main(int argc, char **argv)
{
	check_equal(argc, 2);
	if (strcmp(argv[1], "walk") == 0)
		test_walk();
	else if (strcmp(argv[1], "quota") == 0)
		test_quota();
	else
		test_race();
	printf("xenstore: ok\n");
	return 0;
}
