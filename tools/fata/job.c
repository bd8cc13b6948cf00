/* SPDX-License-Identifier: ISC */
/* Commands on the Xen host (job.h). */
#include "job.h"
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The child: becomes the command, or speaks for one in dom0. */
static _Noreturn void child(bool lab, char *const argv[], int in, int out,
			    int err, pid_t parent)
{
	sigset_t none;
	int rc;

	setsid();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EXIT_TOOL); /* it died before the line above */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (lab) {
		rc = lab_exec(argv, in, out, err, 0);
		_exit(rc < 0 ? EXIT_TOOL : rc);
	}
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	execvp(argv[0], argv);
	_exit(127);
}

int job_start(struct job *j, bool lab, char *const argv[])
{
	int p[6] = {-1, -1, -1, -1, -1, -1}, err;
	pid_t parent = getpid();

	*j = (struct job){.in = -1, .out = -1, .err = -1};
	for (int i = 0; i < 3; i++)
		if (pipe2(p + 2 * i, O_CLOEXEC) < 0)
			goto failed;
	j->pid = fork();
	if (j->pid < 0)
		goto failed;
	if (j->pid == 0) {
		/* or dom0 would never see its stdin end */
		close(p[1]);
		child(lab, argv, p[0], p[3], p[5], parent);
	}
	j->in = p[1];
	j->out = p[2];
	j->err = p[4];
	close(p[0]);
	close(p[3]);
	close(p[5]);
	fcntl(j->out, F_SETFL, O_NONBLOCK);
	fcntl(j->err, F_SETFL, O_NONBLOCK);
	return 0;
failed:
	err = -errno;
	j->pid = 0;
	for (int i = 0; i < 6; i++)
		close_fd(&p[i]);
	return err;
}

static bool reap(struct job *j, int flags)
{
	int status;

	while (waitpid(j->pid, &status, flags) != j->pid)
		if (flags || errno != EINTR)
			return false;
	j->pid = 0;
	j->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status)
					: WEXITSTATUS(status);
	return true;
}

bool job_ended(struct job *j)
{
	return j->pid == 0 || reap(j, WNOHANG);
}

void job_end(struct job *j)
{
	close_fd(&j->in);
	close_fd(&j->out);
	close_fd(&j->err);
	if (job_ended(j))
		return;
	/* the whole session: xl has children of its own */
	kill(-j->pid, SIGTERM);
	reap(j, 0);
}

/* Reads what comes and forgets it; closes the pipe at its end. */
static void drop(int *fd)
{
	char buffer[4096];
	ssize_t n;

	if (*fd < 0)
		return;
	while ((n = read(*fd, buffer, sizeof(buffer))) > 0)
		;
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close_fd(fd);
}

int job_run(bool lab, char *const argv[], int cancel)
{
	struct job j;
	int err = job_start(&j, lab, argv);

	if (err)
		return err;
	close_fd(&j.in);
	while (j.out >= 0 || j.err >= 0) {
		struct pollfd p[] = {{.fd = j.out, .events = POLLIN},
				     {.fd = j.err, .events = POLLIN},
				     {.fd = cancel, .events = POLLIN}};

		if (poll(p, ARRAY_SIZE(p), -1) > 0 && p[2].revents) {
			job_end(&j);
			return -EINTR;
		}
		drop(&j.out);
		drop(&j.err);
	}
	reap(&j, 0);
	return j.status;
}
