/* SPDX-License-Identifier: ISC */
/* guest: die page fault: write of 0x[0-9a-f]+, .*\(stack overflow\) */
#include <fata/task.h>
#include <lib/guest.h>

static volatile int endless = 1;

static int deeper(volatile char *above)
{
	volatile char here[500];

	here[0] = above[0] + 1;
	return endless ? deeper(here) + here[0] : 0;
}

static int task(void *arg)
{
	return deeper(arg);
}

int main(void)
{
	struct task *t;
	char top[1] = {0};

	check_equal(fata_task_spawn(&t, NULL, task, top), 0);
	fata_task_join(t, NULL, FATA_FOREVER);
	still_alive();
}
