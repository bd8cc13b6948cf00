/* SPDX-License-Identifier: ISC */
/* File numbers, and reading and writing with and without waiting. */
#include "unit/unit.h"

#include "core/task.h"
#include "libc/file.h"
#include "libc/sys.h"

#include <errno.h>
#include <poll.h>
#include <sys/uio.h>
#include "unit/libc_vm.h"

/* A file that holds at most 4 bytes, as a pipe to itself. */
static char store[4];
static size_t stored;
static struct event changed;
static int closed;

static ssize_t small_read(struct file *f, void *p, size_t n, uint64_t *pos)
{
	(void)f;
	(void)pos;
	if (!stored)
		return -EAGAIN;
	if (n > stored)
		n = stored;
	memcpy(p, store, n);
	memmove(store, store + n, stored -= n);
	event_signal(&changed);
	return (ssize_t)n;
}

static ssize_t small_write(struct file *f, const void *p, size_t n,
			   uint64_t *pos)
{
	(void)f;
	(void)pos;
	if (stored == sizeof(store))
		return -EAGAIN;
	if (n > sizeof(store) - stored)
		n = sizeof(store) - stored;
	memcpy(store + stored, p, n);
	stored += n;
	event_signal(&changed);
	return (ssize_t)n;
}

static short small_poll(struct file *f)
{
	(void)f;
	return (short)((stored ? POLLIN : 0) |
		       (stored < sizeof(store) ? POLLOUT : 0));
}

static struct event *small_event(struct file *f)
{
	(void)f;
	return &changed;
}

static void small_close(struct file *f)
{
	(void)f;
	closed++;
}

static const struct file_ops small = {
	.read = small_read,
	.write = small_write,
	.poll = small_poll,
	.event = small_event,
	.close = small_close,
};

static int open_small(int flags)
{
	return fd_add(file_new(&small, flags, NULL), 0, false);
}

static int set_up(void **state)
{
	(void)state;
	stored = 0;
	closed = 0;
	fd_set_limit(1024);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return (int)sys_close_range(0, ~0u, 0);
}

static void lowest_number_first(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(open_small(O_RDWR), i);
	assert_int_equal(sys_close(40), 0);
	assert_int_equal(sys_close(7), 0);
	assert_int_equal(sys_close(7), -EBADF);
	assert_int_equal(sys_dup(3), 7);
	assert_int_equal(sys_fcntl(3, F_DUPFD, 50), 100);
	assert_int_equal(sys_dup(3), 40);
	assert_int_equal(open_small(O_RDWR), 101);
	assert_int_equal(closed, 2);
}

static void the_limit(void **state)
{
	(void)state;
	fd_set_limit(3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(open_small(O_RDWR), i);
	assert_int_equal(open_small(O_RDWR), -EMFILE);
	assert_int_equal(sys_dup(0), -EMFILE);
	assert_int_equal(sys_dup2(0, 3), -EBADF);
	assert_int_equal(closed, 1);
}

static void dup_shares_the_file(void **state)
{
	int fd = open_small(O_RDWR);

	(void)state;
	assert_int_equal(sys_dup2(fd, 20), 20);
	assert_int_equal(sys_dup2(20, 20), 20);
	assert_int_equal(sys_dup3(fd, fd, 0), -EINVAL);
	assert_int_equal(sys_dup3(fd, 21, O_CLOEXEC), 21);
	assert_int_equal(sys_fcntl(20, F_GETFD, 0), 0);
	assert_int_equal(sys_fcntl(21, F_GETFD, 0), FD_CLOEXEC);
	assert_int_equal(sys_fcntl(20, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(sys_fcntl(fd, F_GETFL, 0), O_RDWR | O_NONBLOCK);
	assert_int_equal(sys_close(fd), 0);
	assert_int_equal(sys_close(20), 0);
	assert_int_equal(closed, 0);
	assert_int_equal(sys_close(21), 0);
	assert_int_equal(closed, 1);
}

static void access_modes_are_kept(void **state)
{
	int in = open_small(O_RDONLY), out = open_small(O_WRONLY);
	char c = 'x';

	(void)state;
	assert_int_equal(sys_write(in, &c, 1), -EBADF);
	assert_int_equal(sys_read(out, &c, 1), -EBADF);
	assert_int_equal(sys_lseek(in, 0, SEEK_SET), -ESPIPE);
	assert_int_equal(sys_pread64(in, &c, 1, 0), -ESPIPE);
	assert_int_equal(sys_write(out, (void *)8, 1), -EFAULT);
	assert_int_equal(sys_ioctl(in, 0x1234, 0), -ENOTTY);
}

static void without_waiting(void **state)
{
	int fd = open_small(O_RDWR | O_NONBLOCK);
	struct iovec v[2] = {{"ab", 2}, {"cdef", 4}};
	char got[8];
	struct iovec in[2] = {{got, 1}, {got + 1, 7}};

	(void)state;
	assert_int_equal(sys_read(fd, got, 8), -EAGAIN);
	assert_int_equal(sys_writev(fd, v, 2), 4);
	assert_int_equal(sys_write(fd, "x", 1), -EAGAIN);
	assert_int_equal(sys_readv(fd, in, 2), 4);
	assert_memory_equal(got, "abcd", 4);
	assert_int_equal(sys_readv(fd, in, -1), -EINVAL);
}

static int write_ten(void *arg)
{
	return (int)sys_write(*(int *)arg, "0123456789", 10);
}

/* A writer of more than fits waits, piece by piece, until all is taken. */
static void waiting_writer(void **state)
{
	int fd = open_small(O_RDWR), result;
	struct task *t;
	char got[11] = "";
	size_t n = 0;

	(void)state;
	assert_int_equal(fata_task_spawn(&t, NULL, write_ten, &fd), 0);
	while (n < 10) {
		long r = sys_read(fd, got + n, 3);

		assert_true(r > 0);
		n += (size_t)r;
	}
	assert_string_equal(got, "0123456789");
	assert_int_equal(fata_task_join(t, &result, FATA_FOREVER), 0);
	assert_int_equal(result, 10);
}

static int read_one(void *arg)
{
	char c;

	return (int)sys_read(*(int *)arg, &c, 1);
}

/* The number may go while a reader waits: its file stays until then. */
static void close_under_a_reader(void **state)
{
	int fd = open_small(O_RDWR), result;
	struct task *t;

	(void)state;
	assert_int_equal(fata_task_spawn(&t, NULL, read_one, &fd), 0);
	fata_yield();
	assert_int_equal(sys_close(fd), 0);
	assert_int_equal(closed, 0);
	fata_task_cancel(t);
	assert_int_equal(fata_task_join(t, &result, FATA_FOREVER), 0);
	assert_int_equal(result, -EINTR);
	assert_int_equal(closed, 1);
}

static int poll_in(void *arg)
{
	struct pollfd p[2] = {{-1, POLLIN, 7}, {*(int *)arg, POLLIN, 0}};

	return (int)sys_poll(p, 2, -1) == 1 && p[1].revents == POLLIN &&
	       !p[0].revents;
}

static void polling(void **state)
{
	int fd = open_small(O_RDWR), result;
	struct pollfd p[2] = {{fd, POLLIN | POLLOUT, 0}, {99, POLLIN, 0}};
	uint64_t in = 1ull << fd, out = 1ull << fd;
	struct timeval none = {0, 0};
	struct task *t;

	(void)state;
	assert_int_equal(sys_poll(p, 2, 0), 2);
	assert_int_equal(p[0].revents, POLLOUT);
	assert_int_equal(p[1].revents, POLLNVAL);
	assert_int_equal(sys_poll(p, 1, 0), 1);
	p[0].events = POLLIN;
	assert_int_equal(sys_poll(p, 1, 20), 0);
	assert_int_equal(sys_select(fd + 1, &in, &out, NULL, &none), 1);
	assert_int_equal(in, 0);
	assert_int_equal(out, 1ull << fd);
	assert_int_equal(fata_task_spawn(&t, NULL, poll_in, &fd), 0);
	fata_yield();
	assert_int_equal(sys_write(fd, "a", 1), 1);
	assert_int_equal(fata_task_join(t, &result, FATA_FOREVER), 0);
	assert_int_equal(result, 1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(lowest_number_first, set_up, tear_down),
	cmocka_unit_test_setup_teardown(the_limit, set_up, tear_down),
	cmocka_unit_test_setup_teardown(dup_shares_the_file, set_up, tear_down),
	cmocka_unit_test_setup_teardown(access_modes_are_kept, set_up,
					tear_down),
	cmocka_unit_test_setup_teardown(without_waiting, set_up, tear_down),
	cmocka_unit_test_setup_teardown(waiting_writer, set_up, tear_down),
	cmocka_unit_test_setup_teardown(close_under_a_reader, set_up,
					tear_down),
	cmocka_unit_test_setup_teardown(polling, set_up, tear_down),
};

UNIT_MAIN("libc_fd", tests)
