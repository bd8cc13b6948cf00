/* SPDX-License-Identifier: ISC */
/*
 * Grants of a Linux process in dom0, or in any Linux guest of Xen, through the
 * kernel's /dev/xen/gntalloc and gntdev, which libxengnttab wraps, too.
 *
 * Exporting: the kernel has the pages and gives references with them, so a page
 * of the program's is shared by putting the kernel's in its place:
 *
 *     gnttab_share(page)    ask for a reference; map its page over `page`
 *     gnttab_end_access     give it back; ordinary memory again, same contents
 *
 * When the peer still has the page, the kernel keeps it; so an end is always at
 * once. References without a page (gnttab_alloc) are -ENOSYS.
 *
 * Importing: each page is a mapping of its own in a range of addresses.
 *
 * Interface: fata/xen/gnttab.h.
 */
#include "unix/host.h"
#include "unix/unix.h"

#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/task.h>
#include <fata/xen/gnttab.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

FATA_LOG_SOURCE("gnttab");

struct shared {
	struct shared *next;
	uint32_t ref;
	uint64_t index; /* gntalloc's */
	void *page;
};

static struct shared *shares;
static struct gnttab_stat stat = {.version = 1, .max = UINT32_MAX};
static int alloc_fd = -1, map_fd = -1;

static int device(int *fd, const char *path)
{
	if (*fd >= 0)
		return 0;
	*fd = unix_high(open(path, O_RDWR | O_CLOEXEC));
	if (*fd >= 0)
		return 0;
	if (errno != ENOENT && errno != ENXIO && errno != ENODEV)
		return -errno;
	log_warn("%s is missing (no Xen, or modprobe xen-gnt%s)", path,
		 fd == &alloc_fd ? "alloc" : "dev");
	return -ENOSYS;
}

/* --- exporting ---------------------------------------------------------- */

int gnttab_alloc(uint32_t *refs, unsigned int n, uint64_t deadline)
{
	(void)refs;
	(void)n;
	(void)deadline;
	return -ENOSYS;
}

void gnttab_free(uint32_t ref)
{
	(void)ref; /* ended already: gone with its page */
}

int gnttab_grant_access(uint32_t ref, uint16_t peer, const void *page,
			bool writable)
{
	(void)ref;
	(void)peer;
	(void)page;
	(void)writable;
	return -EINVAL;
}

static int give_back(uint64_t index)
{
	struct ioctl_gntalloc_dealloc_gref op = {.index = index, .count = 1};

	return REAL(ioctl)(alloc_fd, IOCTL_GNTALLOC_DEALLOC_GREF, &op) ? -errno
								      : 0;
}

/* Put the kernel's page in the place of ours, with what ours holds. */
static int replace(void *page, uint64_t index, bool writable)
{
	void *p = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		       alloc_fd, (off_t)index);

	(void)writable;
	if (p == MAP_FAILED)
		return -errno;
	memcpy(p, page, PAGE_SIZE);
	munmap(p, PAGE_SIZE);
	p = mmap(page, PAGE_SIZE, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, alloc_fd, (off_t)index);
	return p == MAP_FAILED ? -errno : 0;
}

int gnttab_share(uint32_t *ref, uint16_t peer, const void *page, bool writable,
		 uint64_t deadline)
{
	struct ioctl_gntalloc_alloc_gref op = {
		.domid = peer,
		.flags = writable ? GNTALLOC_FLAG_WRITABLE : 0,
		.count = 1};
	struct shared *s;
	int rc = device(&alloc_fd, "/dev/xen/gntalloc");

	(void)deadline;
	if (rc)
		return rc;
	if ((uintptr_t)page & (PAGE_SIZE - 1))
		return -EINVAL;
	s = heap_calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	if (REAL(ioctl)(alloc_fd, IOCTL_GNTALLOC_ALLOC_GREF, &op)) {
		rc = -errno;
		heap_free(s);
		return rc;
	}
	rc = replace((void *)page, op.index, writable);
	if (rc) {
		give_back(op.index);
		heap_free(s);
		return rc;
	}
	*s = (struct shared){shares, op.gref_ids[0], op.index, (void *)page};
	shares = s;
	stat.total++;
	*ref = s->ref;
	return 0;
}

int gnttab_end_access(uint32_t ref)
{
	struct shared **at = &shares, *s;
	char copy[PAGE_SIZE];
	void *p;

	while (*at && (*at)->ref != ref)
		at = &(*at)->next;
	s = *at;
	if (!s)
		return -EINVAL;
	memcpy(copy, s->page, PAGE_SIZE);
	p = mmap(s->page, PAGE_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (p == MAP_FAILED)
		return -EBUSY;
	memcpy(p, copy, PAGE_SIZE);
	give_back(s->index);
	*at = s->next;
	heap_free(s);
	stat.total--;
	return 0;
}

int gnttab_end_access_wait(uint32_t ref, uint64_t deadline)
{
	(void)deadline;
	return gnttab_end_access(ref);
}

unsigned int gnttab_end_pages(const uint32_t *refs, unsigned int n, void *pages,
			      unsigned int order)
{
	for (unsigned int i = 0; i < n; i++)
		gnttab_end_access(refs[i]);
	if (pages)
		page_free(pages, order);
	return 0;
}

/* --- importing ---------------------------------------------------------- */

/* A mapping's index in gntdev is kept where the guest keeps Xen's handle. */
static uint64_t index_of(const struct gnttab_page *p)
{
	return (uint64_t)p->generation << 32 | p->handle;
}

static void forget(struct gnttab_page *p)
{
	struct ioctl_gntdev_unmap_grant_ref op = {.index = index_of(p),
						  .count = 1};

	REAL(ioctl)(map_fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &op);
}

static int map_one(struct gnttab_page *p, void *at)
{
	struct ioctl_gntdev_map_grant_ref op = {
		.count = 1, .refs = {{.domid = p->domid, .ref = p->ref}}};
	void *got;

	if (REAL(ioctl)(map_fd, IOCTL_GNTDEV_MAP_GRANT_REF, &op))
		return errno == ENOMEM ? -ENOMEM : -EINVAL;
	p->handle = (uint32_t)op.index;
	p->generation = (uint32_t)(op.index >> 32);
	got = mmap(at, PAGE_SIZE, PROT_READ | (p->readonly ? 0 : PROT_WRITE),
		   MAP_SHARED | MAP_FIXED, map_fd, (off_t)op.index);
	if (got != MAP_FAILED) {
		p->address = at;
		return 0;
	}
	forget(p);
	return errno == EAGAIN ? -EAGAIN : -EINVAL;
}

/* Addresses for n pages; nothing there yet. */
static char *reserve(unsigned int n)
{
	char *p = mmap(NULL, (size_t)n * PAGE_SIZE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int gnttab_map(struct gnttab_page *p, unsigned int n, uint64_t deadline)
{
	int rc = device(&map_fd, "/dev/xen/gntdev");
	unsigned int i = 0;
	char *at;

	if (rc)
		return rc;
	if (!n)
		return -EINVAL;
	at = reserve(n);
	if (!at)
		return -ENOMEM;
	while (i < n) {
		rc = map_one(&p[i], at + (size_t)i * PAGE_SIZE);
		if (rc == -EAGAIN && clock_mono_ns() < deadline) {
			fata_sleep(FATA_NS_PER_MS);
			continue;
		}
		p[i].status = rc;
		if (rc)
			break;
		i++;
	}
	stat.mapped += i;
	if (!rc)
		return 0;
	gnttab_unmap(p, i);
	munmap(at, (size_t)n * PAGE_SIZE);
	return rc;
}

int gnttab_unmap(struct gnttab_page *p, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		munmap(p[i].address, PAGE_SIZE);
		forget(&p[i]);
		stat.mapped--;
	}
	return 0;
}

/* --- copying ------------------------------------------------------------ */

static int status_of(int16_t status)
{
	switch (status) {
	case GNTST_okay:
		return 0;
	case GNTST_bad_domain:
		return -ESRCH;
	case GNTST_permission_denied:
		return -EACCES;
	case GNTST_eagain:
		return -EAGAIN;
	default:
		return -EINVAL;
	}
}

static int copy_one(struct gnttab_copy_op *op)
{
	struct gntdev_grant_copy_segment s = {.len = op->len};
	struct ioctl_gntdev_grant_copy c = {.count = 1, .segments = &s};

	if (op->from.local && op->to.local)
		return -EINVAL;
	if (op->from.local) {
		s.source.virt = op->from.local;
	} else {
		s.source.foreign.ref = op->from.ref;
		s.source.foreign.offset = op->from.offset;
		s.source.foreign.domid = op->from.domid;
		s.flags |= GNTCOPY_source_gref;
	}
	if (op->to.local) {
		s.dest.virt = op->to.local;
	} else {
		s.dest.foreign.ref = op->to.ref;
		s.dest.foreign.offset = op->to.offset;
		s.dest.foreign.domid = op->to.domid;
		s.flags |= GNTCOPY_dest_gref;
	}
	if (REAL(ioctl)(map_fd, IOCTL_GNTDEV_GRANT_COPY, &c))
		return -errno;
	return status_of(s.status);
}

int gnttab_copy(struct gnttab_copy_op *ops, unsigned int n, uint64_t deadline)
{
	int rc = device(&map_fd, "/dev/xen/gntdev"), first = 0;

	for (unsigned int i = 0; !rc && i < n; i++) {
		do {
			ops[i].status = copy_one(&ops[i]);
		} while (ops[i].status == -EAGAIN &&
			 clock_mono_ns() < deadline &&
			 !fata_sleep(FATA_NS_PER_MS));
		if (ops[i].status && !first)
			first = ops[i].status;
	}
	return rc ? rc : first;
}

void gnttab_stat(struct gnttab_stat *s)
{
	*s = stat;
}
