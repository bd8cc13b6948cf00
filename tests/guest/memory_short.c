/* SPDX-License-Identifier: ISC */
/*
 * No memory is an error to whoever asked, never the end of the platform: pages,
 * heap, tasks, threads and mappings are taken until there are none, and all of
 * it can be had again afterwards.
 * guest: memory 48
 * guest: says ^all of it again$
 */
#include <errno.h>
#include <fata/heap.h>
#include <fata/page.h>
#include <fata/sync.h>
#include <fata/task.h>
#include <lib/guest.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

struct link {
	struct link *next;
};

/* Take all blocks of an order; how many there were. */
static unsigned pages(unsigned order)
{
	struct link *first = NULL, *l;
	unsigned n = 0;

	while ((l = page_alloc(order)) != NULL) {
		for (size_t i = 0; i < (size_t)512 << order; i += 64)
			check_equal(((uint64_t *)l)[i], 0);
		memset(l, 0x5a, (size_t)4096 << order);
		l->next = first;
		first = l;
		n++;
	}
	while ((l = first)) {
		first = l->next;
		page_free(l, order);
	}
	return n;
}

static unsigned heap(size_t size)
{
	struct link *first = NULL, *l;
	unsigned n = 0;

	while ((l = malloc(size))) {
		memset(l, 0xa5, size);
		l->next = first;
		first = l;
		n++;
	}
	check_equal(errno, ENOMEM);
	check(!calloc(n + 1, size));
	heap_check();
	while ((l = first)) {
		first = l->next;
		free(l);
	}
	heap_trim();
	return n;
}

static struct event go;

static int waits(void *arg)
{
	uint64_t seen = 0;

	(void)arg;
	return event_wait(&go, &seen, FATA_FOREVER);
}

static unsigned tasks(void)
{
	static struct task *t[4000];
	unsigned n = 0;
	int rc = 0, result;

	go = (struct event){0};
	while (n < 4000 && !(rc = fata_task_spawn(&t[n], NULL, waits, NULL)))
		n++;
	check_equal(rc, -ENOMEM);
	event_signal(&go);
	for (unsigned i = 0; i < n; i++) {
		check_equal(fata_task_join(t[i], &result, FATA_FOREVER), 0);
		check_equal(result, 0);
	}
	return n;
}

static void *thread(void *arg)
{
	return waits(NULL) ? NULL : arg;
}

static unsigned threads(void)
{
	static pthread_t t[4000];
	unsigned n = 0;
	void *result;
	int rc = 0;

	go = (struct event){0};
	while (n < 4000 && !(rc = pthread_create(&t[n], NULL, thread, &go)))
		n++;
	check_equal(rc, EAGAIN);
	event_signal(&go);
	for (unsigned i = 0; i < n; i++) {
		check_equal(pthread_join(t[i], &result), 0);
		check(result == &go);
	}
	return n;
}

static void absurd(void)
{
	volatile size_t huge = SIZE_MAX / 2, most = SIZE_MAX;
	struct chan c;

	check(!malloc(huge));
	check(!malloc(most));
	check(!calloc(huge, 4));
	check(!heap_alloc_aligned(4096, huge));
	check(!page_alloc(PAGE_ORDER_MAX));
	check(!page_alloc(64));
	check_equal(chan_init(&c, huge, 1000), -ENOMEM);
	check(mmap(NULL, huge & ~4095ul, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	check_equal(errno, ENOMEM);
}

int main(void)
{
	unsigned first[6] = {0}, n[6];

	for (int round = 0; round < 3; round++) {
		absurd();
		n[0] = pages(0);
		n[1] = pages(9);
		n[2] = heap(100);
		n[3] = heap(100000);
		n[4] = tasks();
		n[5] = threads();
		printf("%u pages, %u of 2 MiB, %u and %u from the heap, "
		       "%u tasks, %u threads\n",
		       n[0], n[1], n[2], n[3], n[4], n[5]);
		for (int i = 0; i < 6; i++) {
			check(n[i] >= (i == 1 ? 1 : 100));
			if (round == 1)
				first[i] = n[i];
			/* in a steady state nothing may get lost */
			check(round < 2 || n[i] + n[i] / 100 + 2 >= first[i]);
		}
	}
	puts("all of it again");
	return 0;
}
