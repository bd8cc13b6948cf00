/* SPDX-License-Identifier: ISC */
/*
 * Sockets within the guest: their lives, names and connections (local.h).
 */
#include <errno.h>
#include <fata/heap.h>
#include <fs/node.h>
#include <libc/local.h>
#include <libc/signal.h>
#include <libc/user.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

static struct list bound = LIST_INIT(bound);

struct local *local_new(int type)
{
	struct local *s = heap_calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->refs = 1;
	s->type = type;
	list_init(&s->queue);
	list_init(&s->bound);
	list_init(&s->waiting);
	list_init(&s->link);
	list_init(&s->senders);
	list_init(&s->sending);
	return s;
}

void local_put(struct local *s)
{
	if (--s->refs)
		return;
	local_empty(s);
	if (s->node)
		node_put(s->node);
	/* nobody is connected to it: they would hold it */
	heap_free(s);
}

static void unlink_peer(struct local *s)
{
	struct local *peer = s->peer;

	s->peer = NULL;
	list_remove(&s->sending);
	if (peer)
		local_put(peer);
}

/* The file is gone. Datagrams that point here find `closed` later. */
static void end(struct local *s)
{
	struct local *peer = s->peer;
	struct list *l;

	s->closed = true;
	list_remove(&s->bound);
	while ((l = list_pop(&s->waiting)) != NULL)
		end(list_entry(l, struct local, link));
	if (peer) {
		peer->refs++;
		unlink_peer(s);
		if (peer->peer == s && s->type != SOCK_DGRAM)
			unlink_peer(peer);
		event_signal(&peer->event);
		local_put(peer);
	}
	event_signal(&s->event);
	local_empty(s);
	local_put(s);
}

/* --- names, connections -------------------------------------------------- */

static bool same_name(const struct local_name *a, const struct local_name *b)
{
	return a->size == b->size && !memcmp(a->path, b->path, a->size);
}

static struct local *holder(const struct local_name *name,
			    const struct node *node)
{
	list_for_each (l, &bound) {
		struct local *s = list_entry(l, struct local, bound);

		if (node ? s->node == node
			 : !s->node && same_name(&s->name, name))
			return s;
	}
	return NULL;
}

int local_find(const struct local_name *name, int type, struct local **out)
{
	struct node *node = NULL;
	int err = 0;

	if (name->path[0])
		err = path_find(path_cwd(), name->path, true, &node);
	if (err)
		return err;
	*out = holder(name, node);
	if (node)
		node_put(node);
	if (!*out)
		return -ECONNREFUSED;
	if ((*out)->type != type)
		return -EPROTOTYPE;
	(*out)->refs++;
	return 0;
}

static int make_node(const char *path, struct node **out)
{
	struct node_new what = {.mode = S_IFSOCK | (0777 & ~umask_now())};
	struct path_end e;
	int err = path_find_parent(path_cwd(), path, &e);

	if (err == -EEXIST || err == -EINVAL)
		return -EADDRINUSE;
	if (err)
		return err;
	err = e.dir->ops->lookup(e.dir, e.name, out);
	if (!err) {
		node_put(*out);
		*out = NULL;
		err = -EADDRINUSE;
	} else if (err == -ENOENT) {
		err = e.dir->ops->make ? e.dir->ops->make(e.dir, e.name, &what,
							  out)
				       : -EROFS;
	}
	path_end_free(&e);
	return err;
}

int local_bind(struct local *s, const struct local_name *name)
{
	static unsigned next = 1;
	int err = 0;

	if (s->name.size)
		return -EINVAL;
	s->name = *name;
	if (!name->size) { /* any abstract one: five digits, as on Linux */
		unsigned n = next++;

		for (int i = 5; i; i--, n /= 16)
			s->name.path[i] = "0123456789abcdef"[n % 16];
		s->name.size = 6;
	} else if (name->path[0]) {
		err = make_node(name->path, &s->node);
	} else if (holder(name, NULL)) {
		err = -EADDRINUSE;
	}
	if (err)
		s->name.size = 0;
	else
		list_add_last(&bound, &s->bound);
	return err;
}

int local_listen(struct local *s, int backlog)
{
	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (!s->name.size || s->connected)
		return -EINVAL;
	s->listening = true;
	s->backlog = backlog < 1      ? 1
		     : backlog > 4096 ? 4096
				      : (unsigned)backlog;
	event_signal(&s->event);
	return 0;
}

void local_pair(struct local *a, struct local *b)
{
	a->peer = b;
	b->peer = a;
	a->refs++;
	b->refs++;
	a->connected = b->connected = true;
}

/* A stream's connection stands at once, before it is accepted. */
static int connect_to(struct local *s, struct local *listener)
{
	struct local *other;

	if (!listener->listening)
		return -ECONNREFUSED;
	if (listener->n_waiting >= listener->backlog)
		return -EAGAIN;
	other = local_new(s->type);
	if (!other)
		return -ENOMEM;
	other->name = listener->name;
	local_pair(s, other);
	list_add_last(&listener->waiting, &other->link);
	listener->n_waiting++;
	event_signal(&listener->event);
	event_signal(&s->event);
	return 0;
}

int local_connect(struct local *s, const struct local_name *name,
		  struct local **at)
{
	struct local *to;
	int err;

	if (s->type != SOCK_DGRAM && (s->connected || s->listening))
		return s->connected ? -EISCONN : -EINVAL;
	err = local_find(name, s->type, &to);
	if (err)
		return err;
	if (s->type == SOCK_DGRAM) {
		unlink_peer(s);
		s->peer = to;
		list_add_last(&to->senders, &s->sending);
		s->connected = true;
		return 0;
	}
	err = connect_to(s, to);
	if (err == -EAGAIN)
		*at = to;
	else
		local_put(to);
	return err;
}

int local_accept(struct local *s, struct local **out)
{
	struct list *l;

	if (!s->listening)
		return -EINVAL;
	l = list_pop(&s->waiting);
	if (!l)
		return s->no_read ? -EINVAL : -EAGAIN;
	s->n_waiting--;
	event_signal(&s->event);
	*out = list_entry(l, struct local, link);
	return 0;
}

void local_shutdown(struct local *s, bool read, bool write)
{
	s->no_read |= read;
	s->no_write |= write;
	event_signal(&s->event);
	if (s->peer)
		event_signal(&s->peer->event);
}

short local_poll(struct local *s)
{
	struct local *to = s->peer;
	bool ended = s->connected && s->type != SOCK_DGRAM &&
		     (!to || (to->no_write && s->no_write));
	short now = 0;

	if (!list_empty(&s->queue) || !list_empty(&s->waiting) || s->no_read ||
	    (s->connected && s->type != SOCK_DGRAM && (!to || to->no_write)))
		now |= POLLIN | POLLRDNORM;
	if (!s->listening && (!to || to->queued < LOCAL_LIMIT))
		now |= POLLOUT | POLLWRNORM;
	if (ended)
		now |= POLLHUP;
	if (s->connected && s->type != SOCK_DGRAM && (!to || to->no_write))
		now |= POLLRDHUP;
	return now;
}

/* --- as files ------------------------------------------------------------- */

static ssize_t op_read(struct file *f, void *p, size_t n, uint64_t *pos)
{
	struct iovec v = {p, n};
	struct pieces all = {&v, 1, 0};

	(void)pos;
	return local_receive(local_of(f), &all, false, NULL);
}

static ssize_t op_write(struct file *f, const void *p, size_t n, uint64_t *pos)
{
	struct iovec v = {(void *)(uintptr_t)p, n};
	struct pieces all = {&v, 1, 0};
	ssize_t r = local_send(local_of(f), NULL, &all, NULL);

	(void)pos;
	if (r == -EPIPE)
		signal_self(SIGPIPE);
	return r;
}

/* Programs without the network do not get it. */
extern __attribute__((weak)) typeof(sockif_ioctl) sockif_ioctl;

static long op_ioctl(struct file *f, unsigned command, uint64_t arg)
{
	int *n = (int *)arg;

	if (command != FIONREAD)
		return sockif_ioctl ? sockif_ioctl(command, n) : -ENOTTY;
	if (!user_writable(n, sizeof(*n)))
		return -EFAULT;
	*n = (int)local_readable(local_of(f));
	return 0;
}

static short op_poll(struct file *f)
{
	return local_poll(local_of(f));
}

static struct event *op_event(struct file *f)
{
	return &local_of(f)->event;
}

static int op_stat(struct file *f, struct stat *s)
{
	s->st_mode = S_IFSOCK | 0777;
	s->st_nlink = 1;
	s->st_blksize = 4096;
	s->st_ino = (ino_t)(uintptr_t)f->data;
	return 0;
}

static void op_close(struct file *f)
{
	end(local_of(f));
}

const struct file_ops local_ops = {
	.read = op_read,
	.write = op_write,
	.poll = op_poll,
	.event = op_event,
	.ioctl = op_ioctl,
	.stat = op_stat,
	.close = op_close,
};

struct file *local_get(int fd)
{
	struct file *f = fd_get(fd);

	if (!f || f->ops == &local_ops)
		return f;
	file_put(f);
	return NULL;
}

long local_add(struct local *s, int flags)
{
	int keep = O_RDWR | (flags & SOCK_NONBLOCK ? O_NONBLOCK : 0);
	struct file *f = file_new(&local_ops, keep, s);

	if (!f) {
		end(s);
		return -ENOMEM;
	}
	return fd_add(f, 0, flags & SOCK_CLOEXEC);
}
