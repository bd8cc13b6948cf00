/* SPDX-License-Identifier: ISC */
/*
 * 5,000 tasks at once, each with a stack of its own: all wait for one event,
 * go round, sleep, and give their numbers back.
 * guest: memory 512
 */
#include <fata/clock.h>
#include <fata/sync.h>
#include <fata/task.h>
#include <lib/guest.h>

#define TASKS 5000

static struct event go;
static struct mutex mutex;
static int inside, ready;
static long long sum;

static int task(void *arg)
{
	volatile char stack[4096];
	int n = (int)(intptr_t)arg;
	uint64_t seen = 0;

	stack[0] = (char)n;
	ready++;
	check_equal(event_wait(&go, &seen, FATA_FOREVER), 0);
	fata_yield();
	check_equal(mutex_lock(&mutex, FATA_FOREVER), 0);
	check_equal(inside++, 0);
	if (n % 100 == 0)
		check_equal(fata_sleep(100000), 0);
	sum += n;
	inside--;
	mutex_unlock(&mutex);
	check_equal(stack[0], (char)n);
	return n;
}

int main(void)
{
	static struct task *tasks[TASKS];
	int result;

	for (int round = 0; round < 2; round++) {
		go = (struct event){0};
		sum = ready = 0;
		for (intptr_t n = 0; n < TASKS; n++)
			check_equal(fata_task_spawn(&tasks[n], NULL, task,
						    (void *)n),
				    0);
		while (ready < TASKS)
			fata_yield();
		event_signal(&go);
		for (int n = 0; n < TASKS; n++) {
			check_equal(
				fata_task_join(tasks[n], &result, FATA_FOREVER),
				0);
			check_equal(result, n);
		}
		check_equal(sum, (long long)TASKS * (TASKS - 1) / 2);
	}
	return 0;
}
