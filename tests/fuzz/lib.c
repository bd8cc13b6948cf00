/* SPDX-License-Identifier: ISC */
/*
 * What runs a fuzz target: tests/fuzz/NAME.c defines LLVMFuzzerTestOneInput, as
 * for libFuzzer, and is linked with this.
 *
 *     NAME                  its seeds, then inputs made from them and from
 *                           nothing, for FUZZ_SECONDS (default 5)
 *     NAME FILE...          just these inputs
 *
 * Seeds are the files of tests/fuzz/NAME.seeds. The inputs are the same in each
 * run for one FUZZ_SEED (default 1). The input that kills the target is kept as
 * NAME.killer in FATA_BUILD (default: here), to be given as FILE.
 */
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sanitizer/common_interface_defs.h>

#define INPUT_MAX 4096
#define POOL      256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The simulator's, for targets without it: readers of shared memory call it. */
void sim_step(void);
__attribute__((weak)) void sim_step(void) {}

struct input {
	uint8_t data[INPUT_MAX];
	size_t n;
};

static struct input pool[POOL]; /* what new inputs are made from */
static unsigned pooled;
static struct input current;
static uint64_t state = 1;
static const char *name;

static uint32_t random_below(uint32_t bound)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(((state >> 32) * bound) >> 32);
}

/* Called by the sanitizers and for SIGABRT. */
static void keep_killer(void)
{
	const char *folder = getenv("FATA_BUILD");
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.killer", folder ? folder : ".",
		 name);
	f = fopen(path, "w");
	if (!f)
		return;
	fwrite(current.data, 1, current.n, f);
	fclose(f);
	fprintf(stderr, "the input is kept as %s\n", path);
}

static void on_abort(int signal)
{
	(void)signal;
	keep_killer();
	_exit(134);
}

/* In memory of just its size, so that reading past its end is seen. */
static void run(void)
{
	uint8_t *copy = malloc(current.n ? current.n : 1);

	if (!copy)
		abort();
	memcpy(copy, current.data, current.n);
	LLVMFuzzerTestOneInput(copy, current.n);
	free(copy);
}

static int run_file(const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f) {
		perror(path);
		return -1;
	}
	current.n = fread(current.data, 1, INPUT_MAX, f);
	fclose(f);
	run();
	if (pooled < POOL)
		pool[pooled++] = current;
	return 0;
}

static int run_seeds(void)
{
	char folder[256], path[600];
	struct dirent *e;
	DIR *d;
	int err = 0;

	snprintf(folder, sizeof(folder), "tests/fuzz/%s.seeds", name);
	d = opendir(folder);
	while (d && !err && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		err = run_file(path);
	}
	if (d)
		closedir(d);
	return err;
}

static void put(size_t at, const uint8_t *data, size_t n)
{
	if (at + n > INPUT_MAX)
		n = INPUT_MAX - at;
	memmove(current.data + at, data, n);
	if (at + n > current.n)
		current.n = at + n;
}

static void cut_out(size_t at, size_t n)
{
	if (n > current.n - at)
		n = current.n - at;
	memmove(current.data + at, current.data + at + n, current.n - at - n);
	current.n -= n;
}

static void change(void)
{
	static const uint8_t telling[] = {0, 1, 0x7f, 0x80, 0xff, ' ', '-'};
	size_t at = current.n ? random_below((uint32_t)current.n) : 0;
	const struct input *other = &pool[random_below(POOL)];
	uint8_t byte = (uint8_t)random_below(256);

	switch (random_below(6)) {
	case 0:
		put(at, &byte, 1);
		break;
	case 1:
		put(at, &telling[random_below(sizeof(telling))], 1);
		break;
	case 2:
		cut_out(at, random_below(16));
		break;
	case 3: /* a piece of another one, at the end */
		if (other->n)
			put(current.n, other->data, random_below(64));
		break;
	case 4: /* a piece of itself, repeated */
		put(current.n, current.data + at,
		    current.n - at < 64 ? current.n - at : 64);
		break;
	default:
		put(current.n, &byte, 1);
	}
}

static void make_input(void)
{
	unsigned changes = 1 + random_below(8);

	current.n = 0;
	if (pooled && random_below(8))
		current = pool[random_below(pooled)];
	else
		changes *= 1 + random_below(32);
	while (changes--)
		change();
	/* A few stay in the pool, so that changes add up. */
	if (!random_below(64)) {
		unsigned slot = random_below(POOL);

		if (pooled < POOL)
			slot = pooled++;
		pool[slot] = current;
	}
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	const char *limit = getenv("FUZZ_SECONDS"), *seed = getenv("FUZZ_SEED");
	double end = seconds() + (limit ? atof(limit) : 5);
	unsigned long inputs = 0;

	name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	if (seed)
		state = strtoull(seed, NULL, 0);
	__sanitizer_set_death_callback(keep_killer);
	signal(SIGABRT, on_abort);
	for (int i = 1; i < argc; i++)
		if (run_file(argv[i]))
			return 1;
	if (argc > 1)
		return 0;
	if (run_seeds())
		return 1;
	for (; inputs % 100 || seconds() < end; inputs++) {
		make_input();
		run();
	}
	printf("ok 1 %s # %u in the pool, %lu inputs\n", name, pooled, inputs);
	return 0;
}
