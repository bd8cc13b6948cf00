/* SPDX-License-Identifier: ISC */
/*
 * Other names of glibc's that its archives, libstdc++ among them, ask for.
 * What passes structures between such an archive and musl was compared: the
 * layouts of stat, jmp_buf, pthread types (by size), FILE (opaque), dirent and
 * termios agree on x86-64; regex_t, glob_t and the static initialisers of
 * recursive mutexes do not, so those calls must be compiled against musl.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stddef.h>

int fcntl64(int fd, int command, ...);

int fcntl64(int fd, int command, ...)
{
	va_list args;
	void *arg;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	return fcntl(fd, command, arg);
}

/* open without a mode, checked. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

int __open_2(const char *path, int flags)
{
	return open(path, flags);
}

int __open64_2(const char *path, int flags)
{
	return open(path, flags);
}

/* Identifies the program to __cxa_atexit. */
void *__dso_handle = NULL;

/* libstdc++ counts references without locks while this holds. */
char __libc_single_threaded = 0;

/*
 * libgcc's unwinder asks where the exception tables of an address are. (glibc's
 * dlfcn.h, struct dl_find_object)
 */
struct object {
	unsigned long long flags;
	void *start, *end;
	struct link_map *link_map;
	void *eh_frame;
	unsigned long long reserved[7];
};

int _dl_find_object(void *address, struct object *o);

static int find(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct object *o = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		char *at = (char *)info->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_LOAD) {
			o->start = at;
			o->end = at + p->p_memsz;
		} else if (p->p_type == PT_GNU_EH_FRAME) {
			o->eh_frame = at;
		}
	}
	return 1;
}

int _dl_find_object(void *address, struct object *o)
{
	*o = (struct object){0};
	dl_iterate_phdr(find, o);
	if (!o->eh_frame || (char *)address < (char *)o->start ||
	    (char *)address >= (char *)o->end)
		return -1;
	return 0;
}
