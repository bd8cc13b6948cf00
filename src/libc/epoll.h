/* SPDX-License-Identifier: ISC */
/* What other files tell epoll (epoll.c). */
#ifndef FATA_LIBC_EPOLL_H
#define FATA_LIBC_EPOLL_H

struct file;

/* The file goes away: no set watches it any more. */
void epoll_forget(struct file *f);

#endif
