/* SPDX-License-Identifier: ISC */
/*
 * Files and child processes of the tool (tool.h).
 *
 * A file that the tool leaves somewhere is always whole: it is written under
 * another name in the same folder and then renamed, and unlinked when anything
 * goes wrong, a full disk above all.
 */
#include "tool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define LARGEST_FILE (1ull << 30)

static int read_all(int fd, uint8_t *data, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = read(fd, data + at, size - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO; /* shrank while we read */
		at += n;
	}
	return 0;
}

int file_read(const char *path, uint8_t **data, size_t *size)
{
	struct stat st;
	int fd, err = 0;

	/* O_NONBLOCK: a FIFO must not hang the tool */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (S_ISDIR(st.st_mode))
		err = -EISDIR;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	else if ((uint64_t)st.st_size > LARGEST_FILE)
		err = -EFBIG;
	if (!err) {
		*size = st.st_size;
		*data = xmalloc(*size);
		err = read_all(fd, *data, *size);
		if (err)
			free(*data);
	}
	close(fd);
	return err;
}

static int write_all(int fd, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		size -= n;
	}
	return 0;
}

static int copy(const char *from, int to)
{
	uint8_t buffer[16384];
	int fd = open(from, O_RDONLY | O_CLOEXEC), err = 0;
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	while (!err && (n = read(fd, buffer, sizeof(buffer))) > 0)
		err = write_all(to, buffer, (size_t)n);
	if (n < 0)
		err = -errno;
	close(fd);
	return err;
}

bool file_is_special(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

int file_place(const char *temp, const char *path)
{
	int fd, err;

	if (!file_is_special(path))
		return rename(temp, path) ? -errno : 0;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = copy(temp, fd);
	if (close(fd) && !err)
		err = -errno;
	unlink(temp);
	return err;
}

int file_write(const char *path, const void *data, size_t size, mode_t mode)
{
	char *temp = xasprintf("%s.XXXXXX", path);
	int fd = mkostemp(temp, O_CLOEXEC), err = 0;
	mode_t mask = umask(0);

	umask(mask);
	if (fd < 0) {
		err = -errno;
		free(temp);
		return err;
	}
	err = write_all(fd, data, size);
	if (!err && fchmod(fd, mode & ~mask) < 0)
		err = -errno;
	if (close(fd) < 0 && !err)
		err = -errno;
	if (!err)
		err = file_place(temp, path);
	if (err)
		unlink(temp);
	free(temp);
	return err;
}

bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static char *folder;
static pid_t folder_owner;

static void remove_folder(void)
{
	struct dirent *d;
	DIR *dir;

	if (!folder || getpid() != folder_owner)
		return;
	dir = opendir(folder);
	while (dir && (d = readdir(dir)))
		unlinkat(dirfd(dir), d->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(folder);
}

const char *temp_folder(void)
{
	const char *parent = getenv("TMPDIR");

	if (folder)
		return folder;
	if (!parent || !*parent)
		parent = "/tmp";
	folder = xasprintf("%s/fata.XXXXXX", parent);
	if (!mkdtemp(folder)) {
		fail("cannot make a temporary folder in %s: %s", parent,
		     strerror(errno));
		exit(EXIT_TOOL);
	}
	folder_owner = getpid();
	atexit(remove_folder);
	return folder;
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

/*
 * While the program runs, ^C is its own to act on: we live on to clean up,
 * as system(3) does.
 */
int run_program(char *const argv[])
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
	posix_spawnattr_t attr;
	sigset_t interrupt;
	int err, status;
	pid_t pid;

	sigemptyset(&interrupt);
	sigaction(SIGINT, &ignore, &old);
	if (old.sa_handler != SIG_IGN)
		sigaddset(&interrupt, SIGINT);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &interrupt);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	err = posix_spawnp(&pid, argv[0], NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	status = err ? -err : wait_for(pid);
	sigaction(SIGINT, &old, NULL);
	return status;
}

char *run_and_read(char *const argv[])
{
	posix_spawn_file_actions_t actions;
	char line[4096];
	char *result = NULL;
	int fds[2], err;
	pid_t pid;
	FILE *f;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
	err = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	f = fdopen(fds[0], "r");
	if (!err && f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		result = xstrdup(line);
	}
	if (f)
		fclose(f);
	if (!err && wait_for(pid) != 0) {
		free(result);
		result = NULL;
	}
	return result;
}

bool on_path(const char *program)
{
	const char *path = getenv("PATH");
	char *copy, *save, *dir;
	bool found = false;

	if (strchr(program, '/'))
		return access(program, X_OK) == 0;
	copy = xstrdup(path ? path : "/usr/bin:/bin");
	for (dir = strtok_r(copy, ":", &save); dir && !found;
	     dir = strtok_r(NULL, ":", &save)) {
		char *full = xasprintf("%s/%s", dir, program);

		found = access(full, X_OK) == 0;
		free(full);
	}
	free(copy);
	return found;
}
