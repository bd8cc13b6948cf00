/* SPDX-License-Identifier: ISC */
/*
 * The terminal: console 0 behind a line discipline, as a program expects of its
 * standard input: lines that can be edited, echo, ^C, ^D, and raw mode for
 * those that do all this themselves (termios).
 *
 *     buf:  | lines that are complete |  the line being typed  |  free  |
 *           0                       done                     used     SIZE
 *
 * In raw mode everything is complete at once (done == used). Reading takes from
 * the front. What is typed is looked at when somebody reads or polls; until
 * then it waits in the console's ring.
 *
 * Interface: struct file_ops (file.h). Writing and echoing can block for the
 * moment that console_write may, as an exception among file operations.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/console.h>
#include <fs/node.h>
#include <libc/signal.h>
#include <libc/sys.h>
#include <libc/tty.h>
#include <libc/user.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#define SIZE 4096

/* Bits and characters of asm-generic/termbits.h that are looked at here. */
enum {
	INLCR = 0100,
	IGNCR = 0200,
	ICRNL = 0400,
	OPOST_ONLCR = 5,
	CS8_CREAD_HUPCL_B38400 = 060 | 0200 | 02000 | 017,
	ISIG = 1,
	ICANON = 2,
	ECHO = 010,
	ECHOE = 020,
	ECHOK = 040,
	ECHONL = 0100,
	ECHOCTL = 01000,
	IEXTEN = 0100000,
};
enum {
	VINTR,
	VQUIT,
	VERASE,
	VKILL,
	VEOF,
	VTIME,
	VMIN,
	VEOL = 11,
	VWERASE = 14,
};

struct ktermios {
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t line, cc[19];
};

static struct ktermios mode = {
	.iflag = ICRNL,
	.oflag = OPOST_ONLCR,
	.cflag = CS8_CREAD_HUPCL_B38400,
	.lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | IEXTEN,
	.cc = {[VINTR] = 3,
	       [VQUIT] = 28,
	       [VERASE] = 127,
	       [VKILL] = 21,
	       [VEOF] = 4,
	       [VMIN] = 1,
	       [VWERASE] = 23},
};
static struct winsize window = {.ws_row = 24, .ws_col = 80};
static char buf[SIZE];
static size_t used, done;
static bool eof;    /* ^D on an empty line: one read gets 0 */
static int failed; /* the console's error; sticks */

static void echo(const char *text, size_t n)
{
	if (mode.lflag & ECHO)
		console_write(console_main(), text, n);
}

static void echo_char(char c)
{
	char control[2] = {'^', (char)(c ^ 64)};

	if (c == '\n' && mode.lflag & (ECHO | ECHONL))
		console_write(console_main(), &c, 1);
	else if (((unsigned char)c < 32 && c != '\t') || c == 127)
		echo(control, mode.lflag & ECHOCTL ? 2 : 0);
	else
		echo(&c, 1);
}

static void erase_char(void)
{
	/* all bytes of one UTF-8 character */
	do {
		used--;
	} while (used > done && (buf[used] & 0xc0) == 0x80);
	if (mode.lflag & ECHOE) {
		echo("\b \b", 3);
		if ((unsigned char)buf[used] < 32)
			echo("\b \b", 3);
	}
}

/* Editing of the line being typed; false: c is an ordinary character. */
static bool edit(char c)
{
	const uint8_t *cc = mode.cc;

	if (!c)
		return false;
	if (c == (char)cc[VERASE] || c == '\b') {
		if (used > done)
			erase_char();
	} else if (c == (char)cc[VKILL]) {
		while (used > done)
			erase_char();
	} else if (c == (char)cc[VWERASE]) {
		while (used > done && buf[used - 1] == ' ')
			erase_char();
		while (used > done && buf[used - 1] != ' ')
			erase_char();
	} else if (c == (char)cc[VEOF]) {
		eof = eof || used == done;
		done = used;
	} else {
		return false;
	}
	return true;
}

/* ^C and ^\ make a signal and drop what was typed. */
static bool interrupt(char c)
{
	int sig = c == (char)mode.cc[VINTR]   ? SIGINT
		  : c == (char)mode.cc[VQUIT] ? SIGQUIT
					      : 0;

	if (!(mode.lflag & ISIG) || !c || !sig)
		return false;
	echo_char(c);
	used = done = 0;
	signal_process(sig);
	return true;
}

static void take(char c)
{
	bool canonical = mode.lflag & ICANON;

	if (c == '\r' && mode.iflag & IGNCR)
		return;
	if (c == '\r' && mode.iflag & ICRNL)
		c = '\n';
	else if (c == '\n' && mode.iflag & INLCR)
		c = '\r';
	if (interrupt(c) || (canonical && edit(c)))
		return;
	/* the last byte is kept for a line feed */
	if (used + (canonical && c != '\n') >= SIZE)
		return;
	buf[used++] = c;
	echo_char(c);
	if (!canonical || c == '\n' ||
	    (mode.cc[VEOL] && c == (char)mode.cc[VEOL]))
		done = used;
}

/* Take what the console has; in canonical mode a full buffer drops the rest. */
static void pump(void)
{
	char in[64];

	while (!failed && ((mode.lflag & ICANON) || used < SIZE)) {
		size_t room = mode.lflag & ICANON ? sizeof(in) : SIZE - used;
		ssize_t n = console_read(console_main(), in,
					 room < sizeof(in) ? room : sizeof(in),
					 0);

		if (n == -EIO)
			failed = -EIO;
		if (n <= 0)
			return;
		for (ssize_t i = 0; i < n; i++)
			take(in[i]);
	}
}

/* How much a read gets: one line, or what there is. */
static size_t available(size_t n)
{
	const char *end;

	if (n > done)
		n = done;
	if (!(mode.lflag & ICANON))
		return n;
	end = memchr(buf, '\n', n);
	return end ? (size_t)(end - buf) + 1 : n;
}

static ssize_t deliver(char *p, size_t n)
{
	n = available(n);
	memcpy(p, buf, n);
	used -= n;
	done -= n;
	memmove(buf, buf + n, used);
	return (ssize_t)n;
}

/* VTIME with VMIN == 0: wait for at most so many tenths of a second. */
static void wait_timed(struct file *f)
{
	uint64_t seen = event_count(console_readable(console_main()));
	uint64_t deadline = clock_deadline(mode.cc[VTIME] * 100000000ull);

	pump();
	while (!done && !failed && !(f->flags & O_NONBLOCK))
		if (event_wait(console_readable(console_main()), &seen,
			       deadline))
			return;
		else
			pump();
}

static ssize_t tty_read(struct file *f, void *p, size_t n, uint64_t *pos)
{
	bool timed = !(mode.lflag & ICANON) && !mode.cc[VMIN];

	(void)pos;
	if (!n)
		return 0;
	pump();
	if (timed && !done && mode.cc[VTIME])
		wait_timed(f);
	if (done)
		return deliver(p, n);
	if (eof) {
		eof = false;
		return 0;
	}
	if (failed)
		return failed;
	return timed && !(f->flags & O_NONBLOCK) ? 0 : -EAGAIN;
}

static ssize_t tty_write(struct file *f, const void *p, size_t n, uint64_t *pos)
{
	ssize_t r;

	(void)f;
	(void)pos;
	r = console_write(console_main(), p, n);
	return r == -ECANCELED ? -EINTR : r;
}

static short tty_poll(struct file *f)
{
	short in = POLLIN | POLLRDNORM, out = POLLOUT | POLLWRNORM;

	(void)f;
	pump();
	return (short)(out | (done || eof || failed ? in : 0));
}

static struct event *tty_event(struct file *f)
{
	(void)f;
	return console_readable(console_main());
}

static int tty_stat(struct file *f, struct stat *s)
{
	if (f->node) {
		node_stat(f->node, s);
		return 0;
	}
	s->st_mode = S_IFCHR | 0620;
	s->st_nlink = 1;
	s->st_rdev = 0x501; /* /dev/console */
	s->st_blksize = 1024;
	return 0;
}

static long set_mode(unsigned command, const struct ktermios *m)
{
	if (!user_readable(m, sizeof(*m)))
		return -EFAULT;
	if (command == TCSETSF)
		used = done = 0;
	mode = *m;
	/* a switch of modes makes what was typed so far readable */
	if (!(mode.lflag & ICANON))
		done = used;
	return 0;
}

static long put_int(uint64_t arg, int value)
{
	if (!user_writable((int *)arg, sizeof(int)))
		return -EFAULT;
	*(int *)arg = value;
	return 0;
}

static long window_ioctl(unsigned command, struct winsize *w)
{
	if (command == TIOCGWINSZ && user_writable(w, sizeof(*w)))
		*w = window;
	else if (command == TIOCSWINSZ && user_readable(w, sizeof(*w)))
		window = *w;
	else
		return -EFAULT;
	return 0;
}

static long tty_ioctl(struct file *f, unsigned command, uint64_t arg)
{
	(void)f;
	switch (command) {
	case TCGETS:
		if (!user_writable((void *)arg, sizeof(mode)))
			return -EFAULT;
		*(struct ktermios *)arg = mode;
		return 0;
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return set_mode(command, (const struct ktermios *)arg);
	case TIOCGWINSZ:
	case TIOCSWINSZ:
		return window_ioctl(command, (struct winsize *)arg);
	case FIONREAD:
		pump();
		return put_int(arg, (int)available(SIZE));
	case TIOCGPGRP:
	case TIOCGSID:
		return put_int(arg, 1);
	case TCFLSH:
		if (arg != 1)
			used = done = 0;
		return 0;
	case TCSBRK: /* tcdrain */
	case TCXONC:
	case TIOCSPGRP:
	case TIOCSCTTY:
		return 0;
	default:
		return -ENOTTY;
	}
}

static void tty_close(struct file *f)
{
	node_put(f->node);
}

const struct file_ops tty_ops = {
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.event = tty_event,
	.ioctl = tty_ioctl,
	.stat = tty_stat,
	.close = tty_close,
};

struct file *tty_open(int flags)
{
	return file_new(&tty_ops, flags, NULL);
}

int tty_open_standard(void)
{
	struct file *f = tty_open(O_RDWR);

	if (!f || fd_add(f, 0, false) < 0)
		return -ENOMEM;
	return sys_dup(0) < 0 || sys_dup(0) < 0 ? -ENOMEM : 0;
}
