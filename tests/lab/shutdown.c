/* SPDX-License-Identifier: ISC */
/* The guest of shutdown.sh: its first word says what it does about SIGTERM. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static volatile sig_atomic_t got;

static void handler(int sig)
{
	got = sig;
}

static void *wait_for_it(void *set)
{
	int sig = 0;

	sigwait(set, &sig);
	printf("sigwait %d\n", sig);
	exit(0);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	struct signalfd_siginfo info;
	sigset_t set;
	pthread_t t;
	int fd = -1;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	if (!strcmp(how, "handler") || !strcmp(how, "twice"))
		signal(SIGTERM, handler);
	if (!strcmp(how, "signalfd") || !strcmp(how, "thread"))
		pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (!strcmp(how, "thread"))
		pthread_create(&t, NULL, wait_for_it, &set);
	if (!strcmp(how, "signalfd"))
		fd = signalfd(-1, &set, SFD_CLOEXEC);
	puts("waiting");
	if (fd >= 0 && read(fd, &info, sizeof(info)) == sizeof(info)) {
		printf("signalfd %u\n", info.ssi_signo);
		return 0;
	}
	sleep(100);
	if (!strcmp(how, "twice")) {
		printf("handled %d, once more\n", got);
		sleep(100);
	}
	printf("handled %d, exit\n", got);
	return got == SIGTERM ? 0 : 1;
}
