/* SPDX-License-Identifier: ISC */
/*
 * Standard input is a terminal: lines that are edited before they are read, end
 * of file, and raw mode. As a Linux process it has one of the host's.
 * guest: terminal yes
 * guest: input hello\nab\177cx\025line two\nxyz\004\004Q
 */
#include <lib/guest.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

int main(void)
{
	struct pollfd p = {.fd = 0, .events = POLLIN};
	struct termios old, raw;
	char *line = NULL, c;
	size_t size = 0;

	puts("input?");
	check_equal(poll(&p, 1, 60000), 1);
	check_equal(getline(&line, &size, stdin), 6);
	check(!strcmp(line, "hello\n"));
	check_equal(getline(&line, &size, stdin), 9);
	check(!strcmp(line, "line two\n"));
	check_equal(getline(&line, &size, stdin), 3);
	check(!strcmp(line, "xyz"));
	free(line);
	clearerr(stdin);
	check_equal(tcgetattr(0, &old), 0);
	raw = old;
	cfmakeraw(&raw);
	check_equal(tcsetattr(0, TCSANOW, &raw), 0);
	check_equal(read(0, &c, 1), 1);
	check_equal(c, 'Q');
	check_equal(tcsetattr(0, TCSANOW, &old), 0);
	p.revents = 0;
	check_equal(poll(&p, 1, 10), 0);
	return 0;
}
