/* SPDX-License-Identifier: ISC */
/*
 * What every C program takes for granted: formatted output with floating point,
 * the heap, sorting, mathematics, jumps, time, the environment, handlers at
 * exit in their order.
 * guest: args --env GREETING=hi --env EMPTY= one
 * guest: says ^3\.250000 2\.500000 1e\+100 -0x1\.8p\+0$
 * guest: says ^last of all$
 */
#include <errno.h>
#include <lib/guest.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int order;

__attribute__((constructor)) static void construct(void)
{
	check_equal(order++, 0);
}

static void third(void)
{
	check_equal(order, 4);
	puts("last of all");
}

static void second(void)
{
	check_equal(order++, 3);
}

static void first(void)
{
	check_equal(order++, 2);
}

static void formats(void)
{
	char text[64];

	printf("%f %Lf %g %a\n", 3.25, 2.5L, 1e100, -1.5);
	snprintf(text, sizeof(text), "%.17g|%8.3Le|%d", 0.1, 123.456L, -7);
	check(!strcmp(text, "0.10000000000000001|1.235e+02|-7"));
	check(strtod("1e-300", NULL) == 1e-300);
	check(sscanf("12 0x1f 2.5", "%d %i %lf", &(int){0}, &(int){0},
		     &(double){0}) == 3);
}

/* Sizes from a small generator; contents checked before each free. */
static void heap(void)
{
	enum { SLOTS = 200 };
	static unsigned char *slot[SLOTS];
	static size_t size[SLOTS];
	unsigned seed = 1;

	for (int i = 0; i < 20000; i++) {
		unsigned s = (seed = seed * 1103515245 + 12345) >> 8;
		unsigned k = s % SLOTS;

		for (size_t b = 0; b < size[k]; b += 97)
			check_equal(slot[k][b], (unsigned char)k);
		size[k] = s / SLOTS % (i % 50 ? 500 : 40000);
		slot[k] = realloc(slot[k], size[k] + 1);
		check(slot[k]);
		memset(slot[k], (int)k, size[k] + 1);
	}
	for (int k = 0; k < SLOTS; k++)
		free(slot[k]);
	errno = 0;
	void *huge = malloc((size_t)1 << 45);
	check(!huge && errno == ENOMEM);
	void *aligned;
	check_equal(posix_memalign(&aligned, 4096, 100), 0);
	check_equal((uintptr_t)aligned % 4096, 0);
	free(aligned);
	free(strdup("a"));
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void sorting(void)
{
	int v[1000];

	for (int i = 0; i < 1000; i++)
		v[i] = i * 7919 % 1000;
	qsort(v, 1000, sizeof(*v), compare);
	for (int i = 0; i < 1000; i++)
		check_equal(v[i], i);
}

static void mathematics(void)
{
	volatile double x = 2;

	check(fabs(sqrt(x) * sqrt(x) - 2) < 1e-12);
	check(fabs(sin(x) * sin(x) + cos(x) * cos(x) - 1) < 1e-12);
	check(pow(x, 10) == 1024 && exp(0 * x) == 1);
	check(isnan(0 * (x / (x - 2))) && fmod(7 * x, 4) == 2);
}

static jmp_buf place;

static void jump(int depth)
{
	volatile char filler[100] = {0};

	if (depth)
		jump(depth - 1);
	else if (filler[1] == 0)
		longjmp(place, 5);
	filler[0]++; /* so that the recursion is one */
}

static void jumps(void)
{
	volatile int count = 0;
	int got = setjmp(place);

	if (!got) {
		count++;
		jump(20);
	}
	check_equal(got, 5);
	check_equal(count, 1);
}

static void clocks(void)
{
	struct timespec a, b, nap = {0, 20000000};
	time_t now = time(NULL);

	check(now > 1600000000);
	clock_gettime(CLOCK_MONOTONIC, &a);
	check_equal(nanosleep(&nap, NULL), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	check((b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec >=
	      20000000);
	struct tm *tm = gmtime(&now);
	check(tm && timegm(tm) == now);
	nap.tv_nsec = 1000000000;
	check(nanosleep(&nap, NULL) == -1 && errno == EINVAL);
}

/* A bad pointer is an error of the call, not the end of the guest. */
int main(int argc, char **argv);

#ifndef __FATA_UNIX__
/* What only an image promises: Linux may answer otherwise, or not at all. */
static void bad_pointers(void)
{
	struct iovec v = {(void *)8, 10};

	check(write(1, (void *)1, 5) == -1 && errno == EFAULT);
	check(write(1, (void *)-5000L, 5) == -1 && errno == EFAULT);
	check(writev(1, &v, 1) == -1 && errno == EFAULT);
	check(clock_gettime(CLOCK_REALTIME, (void *)123) == -1);
	check(read(0, (void *)main, 5) == -1 && errno == EFAULT);
}

static void alone(void)
{
	check(isatty(0) && isatty(1) && !isatty(55));
	check_equal(sysconf(_SC_NPROCESSORS_ONLN), 1);
	check_equal(getpid(), 1);
	check(fork() == -1 && errno == ENOSYS);
}
#endif

static void environment(int argc, char **argv)
{
	check_equal(argc, 2);
	check(!strcmp(argv[1], "one") && !argv[2]);
	check(!strcmp(getenv("GREETING"), "hi"));
	check(!strcmp(getenv("EMPTY"), ""));
	check(!getenv("NOTHING"));
	check_equal(setenv("MORE", "x", 1), 0);
	check(!strcmp(getenv("MORE"), "x"));
	check(write(77, "x", 1) == -1 && errno == EBADF);
	check_equal(sysconf(_SC_PAGESIZE), 4096);
	check(sysconf(_SC_PHYS_PAGES) > 1000);
}

int main(int argc, char **argv)
{
	check_equal(order++, 1);
	atexit(third);
	atexit(second);
	atexit(first);
	formats();
	heap();
	sorting();
	mathematics();
	jumps();
	clocks();
	environment(argc, argv);
#ifndef __FATA_UNIX__
	bad_pointers();
	alone();
#endif
	return 0;
}
