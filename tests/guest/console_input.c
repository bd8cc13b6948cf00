/* SPDX-License-Identifier: ISC */
/*
 * The console read by the program itself: a line with its editing, a line that
 * is too long for its buffer, bytes as they come, and a deadline when nobody
 * types. Another task runs on while this one waits: it is the one that asks.
 * guest: input one\ntwp\177o\nwrong\025right\n0123456789\nXYZ
 * guest: says ^read: one, two, right, 0123456, XYZ$
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/console.h>
#include <fata/task.h>
#include <lib/guest.h>
#include <string.h>

static unsigned turns;

static int other(void *arg)
{
	(void)arg;
	while (!fata_sleep(FATA_NS_PER_MS))
		if (++turns == 3)
			puts("input?");
	return 0;
}

int main(void)
{
	struct console *c = console_main();
	char line[4][16], text[8], bytes[4] = "";
	struct console_stat stat;
	struct task *t;
	ssize_t n;

	check_equal(console_read(c, text, 1, 0), -ETIMEDOUT);
	check_equal(
		console_read_line(c, text, 8, clock_deadline(FATA_NS_PER_MS)),
		-ETIMEDOUT);
	check_equal(fata_task_spawn(&t, NULL, other, NULL), 0);
	for (int i = 0; i < 3; i++) {
		n = console_read_line(c, line[i], sizeof(line[i]),
				      FATA_FOREVER);
		check_equal(n, strlen(line[i]));
	}
	check_equal(console_read_line(c, text, sizeof(text), FATA_FOREVER), 7);
	for (int i = 0; i < 3; i += (int)n) {
		n = console_read(c, bytes + i, 3 - (size_t)i, FATA_FOREVER);
		check(n > 0);
	}
	check(turns >= 3);
	printf("\nread: %s, %s, %s, %s, %s\n", line[0], line[1], line[2], text,
	       bytes);
	console_stat(c, &stat);
	check(stat.read >= 30);
	check_equal(stat.dropped, 0);
	check(!stat.broken);
	fata_task_cancel(t);
	check_equal(fata_task_join(t, NULL, FATA_FOREVER), 0);
	return 0;
}
