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
		__typeof__(&name) real_ =                                      \
			__atomic_load_n(&found_, __ATOMIC_RELAXED);            \
		if (!real_) { /* helper threads look, too */                   \
			real_ = (__typeof__(&name))dlsym(RTLD_NEXT, #name);    \
			__atomic_store_n(&found_, real_, __ATOMIC_RELAXED);    \
		}                                                              \
		real_;                                                         \
	}))

#endif
