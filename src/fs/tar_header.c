/* SPDX-License-Identifier: ISC */
/*
 * tar's headers: ustar, pax (path, linkpath, size, mtime, uid, gid), GNU's long
 * names and large numbers; what several of them say of one entry.
 *
 * Interface: fs/tar_header.h.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fs/mount.h>
#include <fs/tar_header.h>
#include <string.h>

#define TEXT_MOST (64 << 10) /* of a pax header, a long name */

/* --- fields --------------------------------------------------------------- */

int tar_bad(const struct tar *t, const char *what)
{
	return fs_bad(-EINVAL, "not a good tar archive: %s at byte %llu", what,
		      (unsigned long long)t->at);
}

int tar_read_at(struct tar *t, void *p, size_t n, uint64_t at)
{
	ssize_t r;

	if (at > t->size || n > t->size - at)
		return tar_bad(t, "it ends early");
	if (t->module) {
		memcpy(p, (const char *)t->module->data + at, n);
		return 0;
	}
	r = cache_read(&t->disk, p, n, at);
	return r == (ssize_t)n ? 0 : r < 0 ? (int)r : -EIO;
}

/* Octal digits with blanks around, or GNU's big-endian binary. */
int tar_number(const char *s, size_t n, uint64_t *value)
{
	size_t i = 0;

	*value = 0;
	if ((unsigned char)*s == 0x80) {
		for (i = 1; i < n; i++) {
			if (*value >> 55)
				return -EINVAL;
			*value = *value << 8 | (unsigned char)s[i];
		}
		return 0;
	}
	while (i < n && s[i] == ' ')
		i++;
	for (; i < n && s[i] >= '0' && s[i] <= '7'; i++) {
		if (*value >> 60)
			return -EINVAL;
		*value = *value << 3 | (uint64_t)(s[i] - '0');
	}
	return i < n && s[i] && s[i] != ' ' ? -EINVAL : 0;
}

int tar_check_sum(const struct tar_header *h)
{
	const unsigned char *p = (const void *)h;
	uint64_t said, sum = 0;

	if (tar_number(h->sum, sizeof(h->sum), &said))
		return -EINVAL;
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += i - 148 < 8 ? ' ' : p[i];
	return sum == said ? 0 : -EINVAL;
}

static char *copy(const char *s, size_t n)
{
	char *p = heap_alloc(n + 1);

	if (p) {
		memcpy(p, s, n);
		p[n] = 0;
	}
	return p;
}

static int replace(char **text, const char *s, size_t n)
{
	char *p = copy(s, n);

	if (!p)
		return -ENOMEM;
	heap_free(*text);
	*text = p;
	return 0;
}

void tar_forget(struct tar_extra *x)
{
	heap_free(x->path);
	heap_free(x->link);
	*x = (struct tar_extra){0};
}

/* --- headers about headers ------------------------------------------------ */

/* Seconds with a fraction that is left out; before 1970 is 1970. */
static bool decimal(const char *s, size_t n, uint64_t *value)
{
	size_t i = 0;

	*value = 0;
	if (n && *s == '-')
		return true;
	for (; i < n && s[i] >= '0' && s[i] <= '9'; i++) {
		if (*value > UINT64_MAX / 20)
			return false;
		*value = *value * 10 + (uint64_t)(s[i] - '0');
	}
	return i && (i == n || s[i] == '.');
}

static int pax_one(struct tar_extra *x, const char *key, size_t n,
		   const char *value, size_t size)
{
	static const struct {
		const char *key;
		size_t has, value;
	} numbers[] = {
		{"size", offsetof(struct tar_extra, has_size),
		 offsetof(struct tar_extra, size)},
		{"mtime", offsetof(struct tar_extra, has_mtime),
		 offsetof(struct tar_extra, mtime)},
		{"uid", offsetof(struct tar_extra, has_uid),
		 offsetof(struct tar_extra, uid)},
		{"gid", offsetof(struct tar_extra, has_gid),
		 offsetof(struct tar_extra, gid)},
	};

	if (n == 4 && !memcmp(key, "path", 4))
		return replace(&x->path, value, size);
	if (n == 8 && !memcmp(key, "linkpath", 8))
		return replace(&x->link, value, size);
	if (n > 10 && !memcmp(key, "GNU.sparse", 10))
		return -EOPNOTSUPP;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (strlen(numbers[i].key) != n ||
		    memcmp(numbers[i].key, key, n))
			continue;
		*(bool *)((char *)x + numbers[i].has) = true;
		return decimal(value, size,
			       (uint64_t *)(void *)((char *)x +
						    numbers[i].value))
			       ? 0
			       : -EINVAL;
	}
	return 0; /* others do not concern us */
}

/* "LENGTH KEY=VALUE\n" ..., LENGTH of all of that. */
static int pax(struct tar_extra *x, const char *s, size_t n)
{
	while (n) {
		size_t length = 0, i = 0;
		const char *key, *equals;
		int err;

		for (; i < n && i < 8 && s[i] >= '0' && s[i] <= '9'; i++)
			length = length * 10 + (size_t)(s[i] - '0');
		if (!i || i >= n || s[i] != ' ' || length > n ||
		    length < i + 3 || s[length - 1] != '\n')
			return -EINVAL;
		key = s + i + 1;
		equals = memchr(key, '=', length - i - 2);
		if (!equals)
			return -EINVAL;
		err = pax_one(x, key, (size_t)(equals - key), equals + 1,
			      (size_t)(s + length - 1 - (equals + 1)));
		if (err)
			return err;
		s += length;
		n -= length;
	}
	return 0;
}

/* Types x, g, L and K; the contents follow the header. */
int tar_about_next(struct tar *t, char type, uint64_t size)
{
	char *text;
	int err;

	if (size > TEXT_MOST)
		return tar_bad(t, "a name is too long");
	text = heap_alloc((size_t)size + 1);
	if (!text)
		return -ENOMEM;
	err = tar_read_at(t, text, (size_t)size, t->at + TAR_BLOCK);
	text[size] = 0;
	if (!err && (type == 'x' || type == 'g'))
		err = pax(type == 'x' ? &t->next : &t->all, text, (size_t)size);
	else if (!err)
		err = replace(type == 'L' ? &t->next.path : &t->next.link, text,
			      strlen(text));
	heap_free(text);
	if (err == -EOPNOTSUPP)
		return tar_bad(t, "a sparse file, which is not supported,");
	return err == -EINVAL ? tar_bad(t, "a pax header is wrong") : err;
}

/* --- entries -------------------------------------------------------------- */

static size_t length_of(const char *s, size_t n)
{
	const char *end = memchr(s, 0, n);

	return end ? (size_t)(end - s) : n;
}

static char *header_name(const struct tar_header *h)
{
	size_t n = length_of(h->name, sizeof(h->name));
	size_t p = memcmp(h->magic, "ustar\0", 6)
			   ? 0
			   : length_of(h->prefix, sizeof(h->prefix));
	char *name = heap_alloc(p + n + 2);

	if (!name)
		return NULL;
	memcpy(name, h->prefix, p);
	if (p)
		name[p++] = '/';
	memcpy(name + p, h->name, n);
	name[p + n] = 0;
	return name;
}

static char *take(char **text)
{
	char *s = *text;

	*text = NULL;
	return s;
}

int tar_put_together(struct tar *t, const struct tar_header *h,
		     struct tar_entry *e)
{
	const struct tar_extra *x[] = {&t->all, &t->next};
	uint64_t mode, uid, gid, major, minor;

	*e = (struct tar_entry){.type = h->type, .data = t->at + TAR_BLOCK};
	if (tar_number(h->mode, 8, &mode) || tar_number(h->uid, 8, &uid) ||
	    tar_number(h->gid, 8, &gid) || tar_number(h->size, 12, &e->size) ||
	    tar_number(h->mtime, 12, &e->mtime))
		return tar_bad(t, "a number is wrong");
	if (tar_number(h->major, 8, &major) || tar_number(h->minor, 8, &minor))
		major = minor = 0;
	e->rdev =
		(major & 0xfff) << 8 | (minor & 0xff) | (minor & 0xfff00) << 12;
	for (unsigned i = 0; i < 2; i++) {
		e->size = x[i]->has_size ? x[i]->size : e->size;
		e->mtime = x[i]->has_mtime ? x[i]->mtime : e->mtime;
		uid = x[i]->has_uid ? x[i]->uid : uid;
		gid = x[i]->has_gid ? x[i]->gid : gid;
	}
	e->mode = (mode_t)(mode & 07777);
	e->uid = (unsigned)uid;
	e->gid = (unsigned)gid;
	if (e->mtime > UINT64_MAX / FATA_NS_PER_S / 4)
		e->mtime = 0;
	e->path = t->next.path  ? take(&t->next.path)
		  : t->all.path ? copy(t->all.path, strlen(t->all.path))
				: header_name(h);
	e->link = t->next.link ? take(&t->next.link)
			       : copy(h->link, length_of(h->link, 100));
	return e->path && e->link ? 0 : -ENOMEM;
}
