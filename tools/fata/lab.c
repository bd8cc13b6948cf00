/* SPDX-License-Identifier: ISC */
/*
 * lab.c - the lab's instance: start, end, what runs.
 *
 * Interface: see lab.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab_int.h"
#include "qmp.h"

#define AGENT_WAIT_MS 30000
#define PORT_TRIES    20

/* Builds what the lab boots. A lab with a file `frozen` is taken as it is. */
static int build(const struct lab_paths *p)
{
	char frozen[PATH_MAX + 32];
	int status;
	pid_t pid;

	snprintf(frozen, sizeof(frozen), "%s/frozen", p->dir);
	if (access(frozen, F_OK) == 0)
		return 0;
	if (access(p->script, X_OK))
		return lab_error(-ENOENT, "%s is missing", p->script);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		dup2(2, 1);
		execl(p->script, p->script, p->dir, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return lab_error(-EIO, "the lab could not be built");
	return 0;
}

/* A port that QEMU could bind: the kernel's ephemeral range has plenty, and
 * QEMU says at once when one is taken. */
static int forward_agent(struct qmp *q, int *port)
{
	unsigned int seed = (unsigned int)lab_now_ms() ^ (unsigned int)getpid();
	char line[128];

	for (int i = 0; i < PORT_TRIES; i++) {
		int rc;

		*port = 20000 + rand_r(&seed) % 12000;
		snprintf(line, sizeof(line),
			 "hostfwd_add control tcp:127.0.0.1:%d-10.0.3.15:7071",
			 *port);
		rc = qmp_human(q, line);
		if (rc)
			return rc;
		if (!q->text[0])
			return 0;
	}
	return -EADDRINUSE;
}

static int wait_restored(struct qmp *q)
{
	int64_t end = lab_now_ms() + QMP_WAIT_MS;

	while (lab_now_ms() < end) {
		int rc = qmp_command(q, "query-status", NULL);

		if (rc)
			return rc;
		if (!strstr(q->text, "\"inmigrate\""))
			return 0;
		lab_sleep_ms(5);
	}
	return -ETIMEDOUT;
}

/* Feeds the saved state to a QEMU that waits for it, and lets it go. */
static int restore(const struct lab_paths *p, int *port)
{
	struct qmp *q = malloc(sizeof(*q));
	char uri[32];
	int rc = q ? qmp_open(q, p->run, "qmp.sock") : -ENOMEM;

	if (rc) {
		free(q);
		return rc;
	}
	snprintf(uri, sizeof(uri), "{\"uri\": \"fd:%d\"}", LAB_STATE_FD);
	rc = qmp_command(q, "migrate-set-capabilities",
			 "{\"capabilities\": [{\"capability\": "
			 "\"x-ignore-shared\", \"state\": true}]}");
	if (!rc)
		rc = qmp_command(q, "migrate-incoming", uri);
	if (!rc)
		rc = wait_restored(q);
	if (!rc)
		rc = forward_agent(q, port);
	if (!rc)
		rc = qmp_command(q, "cont", NULL);
	if (rc)
		lab_error(rc, "cannot restore dom0: %s",
			  rc == -EREMOTEIO ? q->text : strerror(-rc));
	qmp_close(q);
	free(q);
	return rc;
}

/* 0, -ESTALE if the saved dom0 does not come to life, or an error. */
static int start_from(const struct lab_paths *p, const char *snap,
		      struct lab_instance *i)
{
	char path[PATH_MAX + 32];
	struct lab_qemu q = {.dir = p->dir,
			     .options = i->options,
			     .kvm = i->kvm,
			     .cwd = p->run};
	int rc;

	snprintf(path, sizeof(path), "%s/state", snap);
	q.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (q.fd < 0)
		return lab_error(-errno, "%s: %s", path, strerror(errno));
	snprintf(path, sizeof(path), "%s/ram", snap);
	q.ram = path;
	i->pid = lab_qemu_start(&q);
	close(q.fd);
	if (i->pid < 0)
		return i->pid;
	if (!lab_snapshot_fits(snap, i->pid)) {
		lab_qemu_kill(i->pid);
		return -ESTALE;
	}
	i->started = lab_process_start(i->pid);
	rc = restore(p, &i->port);
	if (!rc)
		rc = lab_wait_agent(i->port, AGENT_WAIT_MS,
				    !i->options.counted);
	if (!rc)
		rc = lab_write_instance(p, i);
	if (!rc)
		return 0;
	lab_qemu_kill(i->pid);
	lab_show_tail(p->run, "qemu.log", 5);
	lab_show_tail(p->run, "serial.log", 10);
	return -ESTALE;
}

static int start(const struct lab_paths *p, struct lab_instance *i)
{
	char snap[PATH_MAX];
	int rc;

	for (int tries = 0; tries < 2; tries++) {
		rc = lab_snapshot(p, &i->options, i->kvm, snap);
		if (rc)
			return rc;
		rc = start_from(p, snap, i);
		if (rc != -ESTALE)
			break;
		/* another QEMU's, or damaged */
		lab_progress("%s cannot be restored; making it anew", snap);
		lab_snapshot_drop(snap);
	}
	if (rc == -ESTALE)
		lab_error(rc, "a new saved dom0 cannot be restored either");
	if (!rc && i->options.counted)
		rc = lab_let_run(p, 0);
	return rc;
}

static int same(const struct lab_options *a, const struct lab_options *b)
{
	return a->memory == b->memory && a->cpus == b->cpus &&
	       !a->counted == !b->counted;
}

int lab_up(const struct lab_options *options)
{
	struct lab_options o = {0};
	struct lab_instance i;
	struct lab_paths p;
	int lock, rc;

	if (options)
		o = *options;
	if (!o.memory)
		o.memory = 2048;
	if (!o.cpus)
		o.cpus = 1;
	if (o.memory < 1024 || o.memory > 65536)
		return lab_error(-EINVAL,
				 "memory is %d MiB; 1024 to 65536 "
				 "will do",
				 o.memory);
	if (o.cpus < 1 || o.cpus > 8 || (o.counted && o.cpus != 1))
		return lab_error(-EINVAL,
				 "%d CPUs; 1 to 8 will do, and "
				 "counted needs 1",
				 o.cpus);
	rc = lab_find_paths(&p);
	if (rc)
		return rc;
	lock = lab_lock(p.run, "lock");
	if (lock < 0)
		return lock;
	if (lab_find_instance(&p, &i) == 0) {
		if (options && !same(&o, &i.options))
			rc = lab_error(-EBUSY, "a lab with other options runs; "
					       "end it with `fata lab down`");
	} else {
		i.options = o;
		i.kvm = !o.counted && lab_have_kvm();
		rc = build(&p);
		if (!rc)
			rc = start(&p, &i);
	}
	close(lock);
	return rc;
}

/* Asks QEMU to end, then makes it. */
static void end(const struct lab_paths *p, const struct lab_instance *i)
{
	struct qmp *q = malloc(sizeof(*q));
	int64_t until = lab_now_ms() + 3000;

	if (q && qmp_open(q, p->run, "qmp.sock") == 0) {
		qmp_command(q, "quit", NULL);
		qmp_close(q);
		while (lab_process_start(i->pid) == i->started &&
		       lab_now_ms() < until)
			lab_sleep_ms(10);
	}
	free(q);
	if (lab_process_start(i->pid) == i->started)
		lab_qemu_kill(i->pid);
}

int lab_down(void)
{
	static const char *const names[] = {"instance", "qmp.sock"};
	char path[PATH_MAX + 32];
	struct lab_instance i;
	struct lab_paths p;
	int rc = lab_find_paths(&p);
	int lock;

	if (rc)
		return rc;
	lock = lab_lock(p.run, "lock");
	if (lock < 0)
		return lock;
	if (lab_find_instance(&p, &i) == 0)
		end(&p, &i);
	for (size_t n = 0; n < sizeof(names) / sizeof(*names); n++) {
		snprintf(path, sizeof(path), "%s/%s", p.run, names[n]);
		unlink(path);
	}
	close(lock);
	return 0;
}

int lab_running(void)
{
	struct lab_instance i;
	struct lab_paths p;

	return lab_find_paths(&p) == 0 && lab_find_instance(&p, &i) == 0;
}

int lab_status(FILE *out)
{
	struct lab_instance i;
	struct lab_paths p;
	int rc = lab_find_paths(&p);

	if (rc)
		return rc;
	if (lab_find_instance(&p, &i)) {
		fprintf(out, "no lab runs (%s; a new one would use %s)\n",
			p.run, lab_have_kvm() ? "KVM" : "emulation");
		return 1;
	}
	fprintf(out, "the lab runs: %s%s, %d MiB, %d CPU%s, process %d, %s\n",
		i.kvm ? "KVM" : "emulated",
		i.options.counted ? ", counted" : "", i.options.memory,
		i.options.cpus, i.options.cpus > 1 ? "s" : "", (int)i.pid,
		p.run);
	return 0;
}
