/* SPDX-License-Identifier: ISC */
/*
 * lab_copy.c - files into dom0 and out of it, whole or not at all.
 *
 * Interface: lab_put, lab_get of lab.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab_session.h"
#include "tool.h"

static int wait_result(struct lab_session *s)
{
	int rc = lab_frame_recv_wait(s->sock, &s->rx, LAB_MOVE_WAIT_MS);

	return rc ? rc : lab_result(&s->rx);
}

static int send_file(struct lab_session *s, int fd)
{
	for (;;) {
		ssize_t n = read(fd, s->tx.data, LAB_FRAME_MAX);
		int rc;

		if (n < 0)
			return -errno;
		rc = lab_send(s->sock, &s->tx, LAB_DATA, s->tx.data, (size_t)n,
			      LAB_MOVE_WAIT_MS);
		/* an early answer (no such folder) says why the peer left */
		if (rc)
			return rc == -EPIPE || rc == -ECONNRESET ? 0 : rc;
		if (n == 0)
			return 0;
	}
}

static int put_open(struct lab_session *s, int fd, const char *dom0_path)
{
	size_t len = strlen(dom0_path);
	struct stat st;
	uint32_t mode;
	int rc;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (len > LAB_FRAME_MAX - sizeof(mode))
		return -ENAMETOOLONG;
	mode = st.st_mode & 07777;
	memcpy(s->tx.data, &mode, sizeof(mode));
	memcpy(s->tx.data + sizeof(mode), dom0_path, len);
	rc = lab_send(s->sock, &s->tx, LAB_PUT, s->tx.data, sizeof(mode) + len,
		      LAB_MOVE_WAIT_MS);
	if (!rc)
		rc = send_file(s, fd);
	return rc ? rc : wait_result(s);
}

int lab_put(const char *host_path, const char *dom0_path)
{
	int fd = open(host_path, O_RDONLY | O_CLOEXEC);
	struct lab_session *s;
	int rc;

	if (fd < 0)
		return lab_error(-errno, "%s: %s", host_path, strerror(errno));
	s = lab_session_open(&rc);
	if (s) {
		rc = put_open(s, fd, dom0_path);
		if (rc)
			lab_error(rc, "put %s to dom0's %s: %s", host_path,
				  dom0_path, strerror(-rc));
		lab_session_close(s);
	}
	close(fd);
	return rc;
}

static int receive_file(struct lab_session *s, int fd)
{
	for (;;) {
		int rc = lab_frame_recv_wait(s->sock, &s->rx, LAB_MOVE_WAIT_MS);

		if (rc)
			return rc;
		if (s->rx.head.type == LAB_RESULT)
			return lab_result(&s->rx);
		if (s->rx.head.type != LAB_DATA)
			return -EPROTO;
		rc = lab_write_all(fd, s->rx.data, s->rx.head.len);
		if (rc)
			return rc;
	}
}

static int get_open(struct lab_session *s, const char *dom0_path,
		    const char *host_path)
{
	char tmp[PATH_MAX];
	int fd, rc;

	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.get.%d", host_path,
			     (int)getpid()) >= sizeof(tmp))
		return -ENAMETOOLONG;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	rc = lab_send(s->sock, &s->tx, LAB_GET, dom0_path, strlen(dom0_path),
		      LAB_MOVE_WAIT_MS);
	if (!rc)
		rc = receive_file(s, fd);
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc)
		rc = file_place(tmp, host_path);
	if (rc)
		unlink(tmp);
	return rc;
}

int lab_get(const char *dom0_path, const char *host_path)
{
	struct lab_session *s;
	int rc;

	if (strlen(dom0_path) > LAB_FRAME_MAX)
		return lab_error(-ENAMETOOLONG, "the name is too long");
	s = lab_session_open(&rc);
	if (!s)
		return rc;
	rc = get_open(s, dom0_path, host_path);
	if (rc)
		lab_error(rc, "get dom0's %s to %s: %s", dom0_path, host_path,
			  strerror(-rc));
	lab_session_close(s);
	return rc;
}
