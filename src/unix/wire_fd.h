/* SPDX-License-Identifier: ISC */
/* Making a wire of a descriptor; see wire_fd.c. */
#ifndef FATA_UNIX_WIRE_FD_H
#define FATA_UNIX_WIRE_FD_H

#include "unix/wire.h"

/*
 * A wire whose frames are read from and written to fd, which does not block and
 * becomes the wire's (closed on failure). 0 or an error.
 */
int wire_fd_new(int fd, unsigned mtu, bool header, struct wire **w);

#endif
