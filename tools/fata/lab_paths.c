/* SPDX-License-Identifier: ISC */
/*
 * lab_paths.c - where the lab is, and which one runs.
 *
 * Interface: see lab_int.h. The run folder's `instance` file is written when
 * the lab answers and names the process with its start time: a file that an
 * older boot of the host or a killed QEMU left behind is never taken for a lab.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lab_int.h"

#define LOCK_WAIT_MS 600000

int64_t lab_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void lab_sleep_ms(int ms)
{
	struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

int lab_error(int rc, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "fata: lab: ");
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	return rc;
}

void lab_progress(const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "lab: ");
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\n");
}

static int make_folder(const char *path)
{
	char part[PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		mkdir(part, 0755);
		*p = '/';
	}
	return mkdir(part, 0755) && errno != EEXIST ? -errno : 0;
}

/* An environment variable's folder as an absolute name; 1 = it is set. */
static int from_environment(const char *variable, char *path)
{
	const char *value = getenv(variable);

	if (!value || !*value)
		return 0;
	if (*value == '/') {
		snprintf(path, PATH_MAX, "%s", value);
	} else {
		char cwd[PATH_MAX / 2];

		if (!getcwd(cwd, sizeof(cwd)))
			return 0;
		snprintf(path, PATH_MAX, "%s/%.*s", cwd, PATH_MAX / 2 - 2,
			 value);
	}
	return 1;
}

/* The folder of the running program. */
static void own_folder(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);

	path[n > 0 ? n : 0] = 0;
	if (strrchr(path, '/'))
		*strrchr(path, '/') = 0;
}

/* In a source tree the tool is build/fata; installed, it is PREFIX/bin/fata
 * with its data in PREFIX/share/fata. */
static void find_script(const char *own, char *script)
{
	snprintf(script, PATH_MAX, "%s/../lab/build.sh", own);
	if (access(script, X_OK))
		snprintf(script, PATH_MAX, "%s/../share/fata/lab/build.sh",
			 own);
}

int lab_find_paths(struct lab_paths *p)
{
	char own[PATH_MAX / 2];
	const char *home = getenv("HOME");
	int rc;

	own_folder(own, sizeof(own));
	find_script(own, p->script);
	if (!from_environment("FATA_LAB_DIR", p->dir)) {
		snprintf(p->dir, PATH_MAX, "%s/lab", own);
		if (access(own, W_OK) || !strstr(p->script, "/../lab/"))
			snprintf(p->dir, PATH_MAX, "%.*s/.cache/fata/lab",
				 PATH_MAX / 2, home ? home : "/tmp");
	}
	if (!from_environment("FATA_LAB_RUN", p->run))
		snprintf(p->run, PATH_MAX, "%.*s/run", PATH_MAX - 8, p->dir);
	rc = make_folder(p->dir);
	if (rc)
		return lab_error(rc, "%s: %s", p->dir, strerror(-rc));
	rc = make_folder(p->run);
	if (rc)
		return lab_error(rc, "%s: %s", p->run, strerror(-rc));
	return 0;
}

int lab_lock(const char *dir, const char *name)
{
	char path[PATH_MAX + 32];
	int64_t end = lab_now_ms() + LOCK_WAIT_MS;
	int said = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return lab_error(-errno, "%s: %s", path, strerror(errno));
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (lab_now_ms() > end) {
			close(fd);
			return lab_error(-ETIMEDOUT, "%s stays locked", path);
		}
		if (!said++)
			lab_progress("waiting for another one (%s)", path);
		lab_sleep_ms(100);
	}
	return fd;
}

int lab_find_instance(const struct lab_paths *p, struct lab_instance *i)
{
	char path[PATH_MAX + 32];
	FILE *f;
	int n;

	memset(i, 0, sizeof(*i));
	snprintf(path, sizeof(path), "%s/instance", p->run);
	f = fopen(path, "re");
	if (!f)
		return -ESRCH;
	n = fscanf(f, "%d %llu %d %d %d %d %d", &i->pid, &i->started, &i->port,
		   &i->options.memory, &i->options.cpus, &i->options.counted,
		   &i->kvm);
	fclose(f);
	if (n != 7 || i->pid <= 0 || i->port <= 0 || i->port > 65535 ||
	    lab_process_start(i->pid) != i->started) {
		i->pid = 0;
		return -ESRCH;
	}
	return 0;
}

int lab_write_instance(const struct lab_paths *p, const struct lab_instance *i)
{
	char path[PATH_MAX + 32], tmp[PATH_MAX + 32];
	FILE *f;
	int rc = 0;

	snprintf(path, sizeof(path), "%s/instance", p->run);
	snprintf(tmp, sizeof(tmp), "%s/instance.tmp", p->run);
	f = fopen(tmp, "we");
	if (!f)
		return -errno;
	fprintf(f, "%d %llu %d %d %d %d %d\n", i->pid, i->started, i->port,
		i->options.memory, i->options.cpus, i->options.counted, i->kvm);
	if (fflush(f))
		rc = -errno;
	fclose(f);
	if (rc == 0 && rename(tmp, path))
		rc = -errno;
	return rc;
}
