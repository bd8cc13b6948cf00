/* SPDX-License-Identifier: ISC */
/*
 * lab_snap.c - the saved dom0 that labs start from.
 *
 * A boot under emulation takes ten seconds or more, a restore half a second. So
 * dom0 boots once, with the machine's memory in a file; when it is ready, the
 * devices' state (less than a megabyte) is written beside that file.
 *
 *	FATA_LAB_DIR/boot/              while it is made
 *	FATA_LAB_DIR/snap-2048-1-tcg/   ram, state, key: only ever whole
 *
 * Interface: `key` says what the folder was made from: the lab's build and the
 * QEMU. A lab that runs keeps the files open, so a folder may be replaced.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab_int.h"
#include "qmp.h"

#define BOOT_WAIT_MS 240000
#define SAVE_WAIT_MS 120000
#define KEY_MAX      128

static int read_text(const char *dir, const char *name, char *text, size_t size)
{
	char path[PATH_MAX + 32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	text[0] = 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	return 0;
}

static void remove_folder(const char *dir)
{
	static const char *const names[] = {
		"ram", "state", "key", "serial.log", "qemu.log", "qmp.sock"};
	char path[PATH_MAX + 32];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

void lab_snapshot_drop(const char *snap)
{
	remove_folder(snap);
}

/* What the serial log says: 1 = ready, 0 = nothing yet, < 0 = it failed. */
static int look_at_serial(const char *dir)
{
	static char text[262144];
	char path[PATH_MAX + 32];
	char *p;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/serial.log", dir);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	if (strstr(text, "fata-lab: ready"))
		return 1;
	p = strstr(text, "fata-lab: failed: ");
	if (p && strchr(p, '\n')) {
		p[strcspn(p, "\r\n")] = 0;
		return lab_error(-EIO, "dom0 does not start: %s", p + 18);
	}
	if (strstr(text, "Kernel panic") || strstr(text, "Panic on CPU"))
		return lab_error(-EIO, "Xen or dom0 panicked while booting");
	return 0;
}

static int wait_ready(const char *dir, pid_t pid)
{
	int64_t start = lab_now_ms();

	while (lab_now_ms() < start + BOOT_WAIT_MS) {
		int ended = waitpid(pid, NULL, WNOHANG) == pid;
		int rc = look_at_serial(dir);

		if (rc > 0)
			return 0;
		if (rc < 0)
			return rc;
		if (ended)
			return lab_error(-EIO, "QEMU ended while dom0 booted");
		lab_sleep_ms(100);
	}
	return lab_error(-ETIMEDOUT, "dom0 is not ready after %d s",
			 BOOT_WAIT_MS / 1000);
}

static int wait_saved(struct qmp *q)
{
	int64_t end = lab_now_ms() + SAVE_WAIT_MS;

	while (lab_now_ms() < end) {
		int rc = qmp_command(q, "query-migrate", NULL);

		if (rc)
			return rc;
		if (strstr(q->text, "\"status\": \"completed\""))
			return 0;
		if (strstr(q->text, "\"status\": \"failed\""))
			return -EIO;
		lab_sleep_ms(20);
	}
	return -ETIMEDOUT;
}

static int save(const char *dir)
{
	struct qmp *q = malloc(sizeof(*q));
	int rc = q ? qmp_open(q, dir, "qmp.sock") : -ENOMEM;

	if (rc) {
		free(q);
		return rc;
	}
	rc = qmp_command(q, "stop", NULL);
	if (!rc)
		rc = qmp_command(q, "migrate-set-capabilities",
				 "{\"capabilities\": [{\"capability\": "
				 "\"x-ignore-shared\", \"state\": true}]}");
	if (!rc)
		rc = qmp_command(q, "migrate",
				 "{\"uri\": \"exec:cat >state\"}");
	if (!rc)
		rc = wait_saved(q);
	if (rc)
		lab_error(rc, "cannot save dom0: %s",
			  rc == -EREMOTEIO ? q->text : strerror(-rc));
	else
		qmp_command(q, "quit", NULL);
	qmp_close(q);
	free(q);
	return rc;
}

static int sync_file(const char *dir, const char *name)
{
	char path[PATH_MAX + 32];
	int fd, rc;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = fsync(fd) ? -errno : 0;
	close(fd);
	return rc;
}

static int write_key(const char *dir, const char *stamp, const char *mark)
{
	char path[PATH_MAX + 32];
	FILE *f;
	int bad;

	snprintf(path, sizeof(path), "%s/key", dir);
	f = fopen(path, "we");
	if (!f)
		return -errno;
	fprintf(f, "%s %s\n", stamp, mark);
	bad = ferror(f);
	return fclose(f) || bad ? -EIO : 0;
}

/* Boots dom0 in `dir` and leaves ram, state and key there. */
static int make(const struct lab_paths *p, const struct lab_options *o, int kvm,
		const char *dir, const char *stamp)
{
	struct lab_qemu q = {.dir = p->dir,
			     .options = *o,
			     .kvm = kvm,
			     .cwd = dir,
			     .ram = "ram",
			     .boot = 1,
			     .fd = -1};
	char mark[KEY_MAX / 2];
	pid_t pid = lab_qemu_start(&q);
	int rc;

	if (pid < 0)
		return pid;
	rc = lab_qemu_mark(pid, mark, sizeof(mark));
	if (!rc)
		rc = wait_ready(dir, pid);
	if (!rc)
		rc = save(dir);
	lab_qemu_kill(pid); /* `quit` was its last word, if all went well */
	if (rc) {
		lab_show_tail(dir, "qemu.log", 5);
		lab_show_tail(dir, "serial.log", 10);
		return rc;
	}
	rc = sync_file(dir, "ram");
	if (!rc)
		rc = sync_file(dir, "state");
	return rc ? rc : write_key(dir, stamp, mark);
}

static int is_current(const char *snap, const char *stamp)
{
	char key[KEY_MAX];
	size_t n = strlen(stamp);

	return read_text(snap, "key", key, sizeof(key)) == 0 &&
	       !strncmp(key, stamp, n) && key[n] == ' ';
}

int lab_snapshot_fits(const char *snap, pid_t pid)
{
	char key[KEY_MAX], mark[KEY_MAX / 2];
	char *space;

	if (read_text(snap, "key", key, sizeof(key)) ||
	    lab_qemu_mark(pid, mark, sizeof(mark)))
		return 0;
	space = strchr(key, ' ');
	return space && !strcmp(space + 1, mark);
}

int lab_snapshot(const struct lab_paths *p, const struct lab_options *o,
		 int kvm, char *snap)
{
	char stamp[KEY_MAX / 2], dir[PATH_MAX];
	int64_t start = lab_now_ms();
	int lock, rc;

	if ((size_t)snprintf(snap, PATH_MAX, "%s/snap-%d-%d-%s%s", p->dir,
			     o->memory, o->cpus, kvm ? "kvm" : "tcg",
			     o->counted ? "-counted" : "") >= PATH_MAX - 32)
		return lab_error(-ENAMETOOLONG, "%s: too long", p->dir);
	if (read_text(p->dir, "stamp", stamp, sizeof(stamp)))
		return lab_error(-ENOENT, "%s has no built lab", p->dir);
	if (is_current(snap, stamp))
		return 0;
	lock = lab_lock(p->dir, "boot.lock");
	if (lock < 0)
		return lock;
	if (is_current(snap, stamp)) {
		close(lock);
		return 0;
	}
	lab_progress("booting dom0 once, to save it (%s)",
		     kvm ? "KVM" : "emulated");
	snprintf(dir, sizeof(dir), "%.*s/boot", PATH_MAX - 8, p->dir);
	remove_folder(dir);
	rc = mkdir(dir, 0755) ? -errno : make(p, o, kvm, dir, stamp);
	if (!rc) {
		remove_folder(snap);
		rc = rename(dir, snap) ? -errno : 0;
	}
	if (rc)
		lab_error(rc, "no saved dom0: %s", strerror(-rc));
	else
		lab_progress("saved after %.1f s",
			     (double)(lab_now_ms() - start) / 1000);
	close(lock);
	return rc;
}
