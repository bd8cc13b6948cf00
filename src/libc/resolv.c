/* SPDX-License-Identifier: ISC */
/*
 * /etc/resolv.conf, which musl's resolver reads: made when somebody opens it,
 * of the nameservers that are known by then. A file of that name which the
 * program or its disk has brought along is left alone.
 *
 * Interface: resolv_prepare, called before the file is opened; only in programs
 * with sockets. Waits for the first address, as connect does.
 */
#include <errno.h>
#include <fs/node.h>
#include <libc/resolv.h>
#include <net/stack.h>
#include <sys/stat.h>

static struct node *ours; /* with a reference, or NULL */

static int make_file(void)
{
	const struct node_new file = {.mode = S_IFREG | 0644};
	struct path_end e;
	int err = path_find_parent(NULL, RESOLV_CONF, &e);

	if (err)
		return err;
	err = e.dir->ops->make(e.dir, e.name, &file, &ours);
	path_end_free(&e);
	return err;
}

/* Is it ours to write? Then `ours` is there. */
static bool may_write(void)
{
	struct node *n;
	int err = path_find(NULL, RESOLV_CONF, true, &n);
	bool same = !err && n == ours;

	if (!err)
		node_put(n);
	if (same)
		return true;
	if (err != -ENOENT)
		return false;
	if (ours)
		node_put(ours); /* it was removed */
	ours = NULL;
	return make_file() == 0;
}

void resolv_prepare(void)
{
	char text[256];
	size_t n;

	if (stack_start() || stack_wait_address(NULL))
		return;
	n = config_resolv(text, sizeof(text));
	if (n && n < sizeof(text) && may_write() &&
	    !ours->ops->truncate(ours, 0))
		ours->ops->write(ours, text, n, 0);
}
