/* SPDX-License-Identifier: ISC */
/*
 * Opening an image and decoding its manifest (image.h). A note of ours holds
 * strings, each ended by NUL; one that does not is corrupt and refused, since
 * a run that silently lacks a device is worse.
 */
#include "image.h"

#include <errno.h>
#include <fata/manifest.h>
#include <stdlib.h>
#include <string.h>

#define XEN_NOTE_PHYS32_ENTRY 18 /* xen/include/public/elfnote.h */

/* Beside the image: start_info, page tables, stacks, a little heap. */
#define LEAST_BESIDE (256 << 10)

/* The k-th string of a note; NULL if there are not that many. */
static const char *note_string(const struct elf_note *n, unsigned k)
{
	const char *p = (const char *)n->desc, *end = p + n->size;

	for (;; k--) {
		const char *nul = p < end ? memchr(p, '\0', end - p) : NULL;

		if (!nul)
			return NULL;
		if (k == 0)
			return p;
		p = nul + 1;
	}
}

static int corrupt(const struct image *im, const char *what)
{
	return fail("%s: corrupt image: %s", im->path, what);
}

static int add_param(struct image *im, const struct elf_note *n)
{
	struct image_param p = {note_string(n, 0), note_string(n, 1),
				note_string(n, 2), note_string(n, 3)};

	if (!p.name || !p.type || !p.fallback || !p.help || !*p.name)
		return corrupt(im, "malformed note of a parameter");
	im->params = xrealloc(im->params, (im->param_count + 1) * sizeof(p));
	im->params[im->param_count++] = p;
	return 0;
}

static int decode_fata(struct image *im, const struct elf_note *n)
{
	const char *first = note_string(n, 0), *second = note_string(n, 1);

	if (!first)
		return corrupt(im, "malformed note");
	im->fata = true;
	switch (n->type) {
	case FATA_NOTE_NET:
		strv_add(&im->nets, first);
		return 0;
	case FATA_NOTE_BLOCK:
		strv_add(&im->blocks, first);
		return 0;
	case FATA_NOTE_FOLDER:
		strv_add(&im->folders, first);
		return 0;
	case FATA_NOTE_PARAM:
		return add_param(im, n);
	case FATA_NOTE_NAME:
		im->name = first;
		im->about = second ? second : "";
		return 0;
	case FATA_NOTE_UNKNOWN:
		im->unknown = first;
		return 0;
	default: /* of a later version */
		return 0;
	}
}

static int decode_xen(struct image *im, const struct elf_note *n)
{
	if (n->type != XEN_NOTE_PHYS32_ENTRY)
		return 0;
	if (n->size < 4)
		return corrupt(im, "malformed PVH note");
	memcpy(&im->entry, n->desc, n->size < 8 ? 4 : 8);
	if (!elf_address_in(&im->elf, im->entry, PF_X))
		return corrupt(im, "the PVH entry is not in the text");
	return 0;
}

static int decode_notes(struct image *im)
{
	struct elf_note n = {0};
	int err = 0;

	while (!err && elf_next_note(&im->elf, &n)) {
		if (!strcmp(n.name, "Xen"))
			err = decode_xen(im, &n);
		else if (!strcmp(n.name, "Fata"))
			err = decode_fata(im, &n);
	}
	if (!err && n.bad)
		err = corrupt(im, "malformed ELF note");
	if (!err && !im->entry)
		err = fail("%s: no PVH note: Xen cannot boot it (expected an "
			   "image made by fata cc)",
			   im->path);
	return err;
}

static void measure(struct image *im)
{
	im->start = UINT64_MAX;
	for (unsigned i = 0; i < im->elf.segments; i++) {
		Elf64_Phdr p = elf_segment(&im->elf, i);

		if (p.p_type != PT_LOAD || !p.p_memsz)
			continue;
		if (p.p_paddr < im->start)
			im->start = p.p_paddr;
		if (p.p_paddr + p.p_memsz > im->end)
			im->end = p.p_paddr + p.p_memsz;
	}
}

static int by_name(const void *a, const void *b)
{
	const struct image_param *p = a, *q = b;

	return strcmp(p->name, q->name);
}

static int cannot_read(const char *path, int err)
{
	switch (err) {
	case -ENOENT:
		return fail("%s: no such file", path);
	case -EISDIR:
		return fail("%s: a folder (expected an image made by fata cc)",
			    path);
	case -EINVAL:
		return fail("%s: not a regular file (expected an image made "
			    "by fata cc)",
			    path);
	case -EFBIG:
		return fail("%s: more than 1 GiB, too large for an image",
			    path);
	default:
		return fail("%s: cannot read: %s", path, strerror(-err));
	}
}

int image_open(struct image *im, const char *path)
{
	char why[128];
	size_t size;
	int err;

	*im = (struct image){.path = path, .about = "", .unknown = ""};
	err = file_read(path, &im->data, &size);
	if (err) {
		im->data = NULL;
		return cannot_read(path, err);
	}
	im->name = base_name(path);
	if (elf_open(&im->elf, im->data, size, why))
		err = fail("%s: %s%s", path, why,
			   strchr(why, '(') ? ""
					    : " (expected an image made by "
					      "fata cc)");
	else
		err = decode_notes(im);
	if (err) {
		image_close(im);
		return err;
	}
	measure(im);
	qsort(im->params, im->param_count, sizeof(*im->params), by_name);
	return 0;
}

void image_close(struct image *im)
{
	strv_free(&im->nets);
	strv_free(&im->blocks);
	strv_free(&im->folders);
	free(im->params);
	free(im->data);
	im->params = NULL;
	im->data = NULL;
}

uint64_t image_least_mib(const struct image *im)
{
	return (im->end + LEAST_BESIDE + (1 << 20) - 1) >> 20;
}

const struct image_param *image_param(const struct image *im, const char *name,
				      size_t n)
{
	for (size_t i = 0; i < im->param_count; i++)
		if (!strncmp(im->params[i].name, name, n) &&
		    !im->params[i].name[n])
			return &im->params[i];
	return NULL;
}
