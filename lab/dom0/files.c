/* SPDX-License-Identifier: ISC */
/*
 * files.c - files into dom0 and out of it.
 *
 * Interface: a file that is put appears under its name only when it is whole;
 * a transfer that breaks leaves what was there before.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"

#define PATH_LIMIT 4000

static int write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Takes LAB_DATA up to the empty one. After a full disk the rest is still
 * read: the peer, busy sending, would not see an early answer. */
static int receive_file(int sock, struct lab_frame *f, int fd)
{
	int result = 0;

	for (;;) {
		int rc = lab_frame_recv_wait(sock, f, AGENT_PATIENCE_MS);

		if (rc)
			return -EPIPE;
		if (f->head.type != LAB_DATA)
			return -EPROTO;
		if (f->head.len == 0)
			return result;
		if (result == 0)
			result = write_all(fd, f->data, f->head.len);
	}
}

/* The request's path, as a string in `path`. */
static int get_path(const struct lab_frame *f, size_t skip, char *path)
{
	size_t len;

	if (f->head.len <= skip)
		return -EPROTO;
	len = f->head.len - skip;
	if (len > PATH_LIMIT)
		return -ENAMETOOLONG;
	if (memchr(f->data + skip, 0, len))
		return -EPROTO;
	memcpy(path, f->data + skip, len);
	path[len] = 0;
	return 0;
}

int agent_put(int sock, struct lab_frame *f)
{
	char path[PATH_LIMIT + 1];
	char tmp[PATH_LIMIT + 32];
	struct stat st;
	uint32_t mode;
	int fd, rc;

	rc = get_path(f, sizeof(mode), path);
	if (rc)
		return rc;
	memcpy(&mode, f->data, sizeof(mode));
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return -EISDIR;
	snprintf(tmp, sizeof(tmp), "%s.put.%d", path, (int)getpid());
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = receive_file(sock, f, fd);
	if (rc == 0 && fchmod(fd, mode & 07777))
		rc = -errno;
	if (close(fd) && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(tmp, path))
		rc = -errno;
	if (rc)
		unlink(tmp);
	return rc;
}

int agent_get(int sock, struct lab_frame *f)
{
	char path[PATH_LIMIT + 1];
	struct stat st;
	ssize_t n;
	int fd, rc;

	rc = get_path(f, 0, path);
	if (rc)
		return rc;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return -EISDIR;
	}
	do {
		n = read(fd, f->data, LAB_FRAME_MAX);
		if (n < 0) {
			rc = -errno;
			break;
		}
		rc = lab_send(sock, f, LAB_DATA, f->data, (size_t)n,
			      AGENT_PATIENCE_MS);
		if (rc)
			rc = -EPIPE;
	} while (rc == 0 && n > 0);
	close(fd);
	return rc;
}
