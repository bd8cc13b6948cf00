/* SPDX-License-Identifier: ISC */
/*
 * The C library's own functions, for those that the archive also defines: a
 * program's read() waits as a task, our REAL(read)() is the host's. Looked up
 * at its first use; a sanitizer's version of it, if there is one, comes first.
 */
#ifndef FATA_UNIX_HOST_H
#define FATA_UNIX_HOST_H

#include <dlfcn.h>

#define REAL(name)                                                             \
	(*({                                                                   \
		static __typeof__(&name) found_;                               \
		if (!found_)                                                   \
			found_ = (__typeof__(&name))dlsym(RTLD_NEXT, #name);   \
		found_;                                                        \
	}))

#endif
