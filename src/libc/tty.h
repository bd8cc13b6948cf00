/* SPDX-License-Identifier: ISC */
/* The terminal: console 0 with a line discipline (tty.c). */
#ifndef FATA_LIBC_TTY_H
#define FATA_LIBC_TTY_H

#include <libc/file.h>

extern const struct file_ops tty_ops;

/* A file that is open on the terminal; NULL without memory. */
struct file *tty_open(int flags);

/* Numbers 0, 1 and 2 on the terminal. 0 or -ENOMEM. */
int tty_open_standard(void);

#endif
