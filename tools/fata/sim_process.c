/* SPDX-License-Identifier: ISC */
/*
 * A node's process: what it begins with, and its end.
 *
 *     0     /dev/null
 *     1, 2  its console, a file in memory (sim_console.c)
 *     3     the socket over which it has its turns (sim_node.c)
 *
 * Interface: sim.h. Nothing of the host may reach the node: its addresses are
 * not randomised, its environment is ours.
 */
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NODE_FD 3
#define LOOK_MS 100 /* how often a turn that lasts is looked at */

/* The program; under a debugger, say, if it is to be wrapped. */
static void run(const struct sim_node *n, char **env)
{
	struct strv argv = {0};

	if (!n->wrap.n) {
		execve(n->topo->program, n->topo->argv.v, env);
		return;
	}
	for (size_t i = 0; i < n->wrap.n; i++)
		strv_add(&argv, n->wrap.v[i]);
	strv_add(&argv, n->topo->program);
	for (size_t i = 1; i < n->topo->argv.n; i++)
		strv_add(&argv, n->topo->argv.v[i]);
	execvpe(argv.v[0], argv.v, env);
}

static _Noreturn void become(const struct sim_node *n, int fd)
{
	static char fd_word[] = SIM_ENV "=3", path[] = "PATH=/usr/bin:/bin",
		    zone[] = "TZ=UTC", language[] = "LC_ALL=C";
	static const char *const kept[] = {"ASAN_OPTIONS", "UBSAN_OPTIONS",
					   "TSAN_OPTIONS", "LD_LIBRARY_PATH"};
	char *env[16] = {fd_word, path, zone, language};
	struct rlimit no_core = {0};
	int null = open("/dev/null", O_RDONLY), e = 4;

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (getenv(kept[i]))
			env[e++] = xasprintf("%s=%s", kept[i], getenv(kept[i]));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0); /* a ^C is for us alone */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	personality((unsigned long)personality(0xffffffff) | ADDR_NO_RANDOMIZE);
	setrlimit(RLIMIT_CORE, &no_core);
	/* ours are numbered from 10 on (high_fd), so none is in the way */
	dup2(null, 0);
	dup2(n->console, 1);
	dup2(n->console, 2);
	dup2(fd, NODE_FD);
	run(n, env);
	dprintf(2, "cannot run %s: %s\n",
		n->wrap.n ? n->wrap.v[0] : n->topo->program, strerror(errno));
	_exit(127);
}

/* The same descriptor, where `become` does not step on it. */
static int high_fd(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, 10);

	close(fd);
	return high;
}

/* Its console, and the socket, of which it gets the other end. */
static int open_both(struct sim_node *n, int *theirs)
{
	const struct timeval look = {.tv_usec = LOOK_MS * 1000};
	int sock[2];

	n->console = memfd_create("console", MFD_CLOEXEC);
	if (n->console < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock))
		return -errno;
	n->console = high_fd(n->console);
	n->fd = high_fd(sock[0]);
	*theirs = high_fd(sock[1]);
	if (n->console < 0 || n->fd < 0 || *theirs < 0 ||
	    fcntl(n->console, F_SETFL, O_APPEND) ||
	    setsockopt(n->fd, SOL_SOCKET, SO_RCVTIMEO, &look, sizeof(look)))
		return -errno;
	return 0;
}

int sim_process_start(struct sim_node *n)
{
	int theirs = -1, err = open_both(n, &theirs);

	if (err)
		return fail("%s: %s", n->topo->name, strerror(-err));
	n->pid = fork();
	if (!n->pid)
		become(n, theirs);
	close(theirs);
	if (n->pid < 0)
		return fail("%s: %s", n->topo->name, strerror(errno));
	return 0;
}

int sim_process_end(struct sim_node *n, int patience_ms)
{
	int status = 0;

	for (; patience_ms > 0; patience_ms--) {
		if (waitpid(n->pid, &status, WNOHANG) == n->pid)
			goto gone;
		usleep(1000);
	}
	kill(n->pid, SIGKILL);
	waitpid(n->pid, &status, 0);
gone:
	close(n->fd);
	n->pid = 0;
	n->fd = -1;
	return status;
}
