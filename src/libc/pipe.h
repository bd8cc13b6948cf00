/* SPDX-License-Identifier: ISC */
/* Pipes, for those that open them by a path (open.c). */
#ifndef FATA_LIBC_PIPE_H
#define FATA_LIBC_PIPE_H

struct file;
struct node;

/*
 * Open a FIFO: waits for the other side as POSIX wants. Takes over f->ops. 0,
 * -ENXIO, -EINTR or -ENOMEM. Can block.
 */
int pipe_open_node(struct node *n, struct file *f);

#endif
