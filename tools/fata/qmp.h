/* SPDX-License-Identifier: ISC */
/*
 * qmp.h - a client for QEMU's machine protocol, as much as the lab needs.
 *
 * Interface: 0 or a negative errno; -EREMOTEIO: QEMU said no, and qmp.text is
 * its reason. Every wait ends within QMP_WAIT_MS.
 */
#ifndef FATA_TOOL_QMP_H
#define FATA_TOOL_QMP_H

#include <stddef.h>

#define QMP_WAIT_MS 20000

struct qmp {
	int fd;
	size_t have; /* bytes in buf */
	char buf[16384];
	char text[16384]; /* the last answer, or the reason of an error */
};

/* Connects to the socket `name` in the folder `dir`; qmp_close() it. */
int qmp_open(struct qmp *q, const char *dir, const char *name);
void qmp_close(struct qmp *q);

/* Executes a command; `arguments` is a JSON object's text or NULL. */
int qmp_command(struct qmp *q, const char *command, const char *arguments);

/* Executes a command of the human monitor; qmp.text is what it printed. */
int qmp_human(struct qmp *q, const char *line);

#endif
