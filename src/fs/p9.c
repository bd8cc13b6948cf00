/* SPDX-License-Identifier: ISC */
/*
 * Folders of dom0, or of a driver domain, as file systems: --mount TAG:PATH:9p.
 *
 * Interface: fs/mount.h, for the inside fs/p9.h.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fs/mount.h>
#include <fs/p9.h>

FATA_LOG_SOURCE("9p");

static struct list mounted = LIST_INIT(mounted);

static int open_channel(const char *tag, struct p9_channel **c)
{
	int rc = p9_channel_open(tag, c, clock_deadline(P9_PATIENCE));

	if (rc == -ETIMEDOUT)
		return fs_bad(rc, "no folder of this tag connects (xl: "
				  "p9 = [\"tag=%s,...\"])",
			      tag);
	if (rc)
		return fs_bad(rc, "the folder does not connect (error %d)",
			      -rc);
	/* a second beginning on the same channel would end the first */
	list_for_each(l, &mounted)
		if (list_entry(l, struct p9, all)->channel == *c)
			return fs_bad(-EBUSY, "it is mounted already");
	return 0;
}

static struct p9 *p9_new(struct p9_channel *c, bool read_only)
{
	struct p9 *p = heap_calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->channel = c;
	p->read_only = read_only;
	p->device = node_new_device();
	list_init(&p->spare);
	list_init(&p->ending);
	list_init(&p->late);
	for (unsigned i = 0; i < 64; i++)
		list_init(&p->nodes[i]);
	list_add_last(&mounted, &p->all);
	p->root = p9_node_new(p);
	return p;
}

static void p9_free(struct p9 *p)
{
	list_remove(&p->all);
	if (p->root)
		p9_release(&p->root->node);
	p9_fids_free(p);
	heap_free(p);
}

static int mount(const struct fs_source *from, bool read_only,
		 struct node **root)
{
	struct p9_channel *c;
	struct p9_fid *fid;
	struct p9 *p;
	int rc = open_channel(from->name, &c);

	if (rc)
		return rc;
	p = p9_new(c, read_only);
	if (!p)
		return fs_bad(-ENOMEM, "memory is short");
	rc = p->root ? p9_node_fid(p->root, &fid) : -ENOMEM;
	if (!rc) {
		rc = p9_getattr(p->root, fid);
		p9_fid_put(fid);
	}
	if (rc) {
		p9_free(p);
		return rc == -EPROTONOSUPPORT
			       ? fs_bad(rc, "the server has no 9P2000.L")
			       : fs_bad(rc > 0 || rc < -4095 ? -EIO : rc,
					"the server refuses (error %d)", -rc);
	}
	*root = &p->root->node;
	return 0;
}

int p9_unmount(struct node *root)
{
	struct p9 *p = p9_of(root)->fs;

	if (p->n_nodes > 1 || root->refs > 1)
		return -EBUSY;
	p9_free(p);
	return 0;
}

const struct fs_type fs_p9 = {
	.name = "9p", .needs_disk = false, .by_tag = true, .mount = mount};
FS_TYPE(p9);
