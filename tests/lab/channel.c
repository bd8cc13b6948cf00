/* SPDX-License-Identifier: ISC */
/* The guest of channel.sh: answers lines on the console called org.fata. */
#include <fata/clock.h>
#include <fata/console.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	struct console *c;
	char line[100], answer[120];
	int rc = console_open("org.fata", &c, clock_deadline(30000000000ull));

	printf("console_open: %d\n", rc);
	if (rc)
		return 1;
	console_write(c, "ready\n", 6);
	while (console_read_line(c, line, sizeof(line), FATA_FOREVER) >= 0) {
		int n = snprintf(answer, sizeof(answer), "got <%s>\n", line);

		console_write(c, answer, (size_t)n);
		if (strcmp(line, "bye") == 0)
			break;
	}
	return console_flush(c, clock_deadline(5000000000ull));
}
