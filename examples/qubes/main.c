/* SPDX-License-Identifier: ISC */
/*
 * A qube of Qubes OS: says what QubesDB tells of it and each commit there, and
 * serves two services by qrexec:
 *
 *     fata.Echo         gives back what it is given
 *     fata.Relay+QUBE   lets fata.Echo of that qube do it
 *
 * docs/qubes.md tells how it becomes a qube.
 */
#include <fata/fata.h>
#include <fata/heap.h>
#include <fata/qrexec.h>
#include <fata/qubesdb.h>
#include <stdio.h>
#include <string.h>

FATA_NAME("qubes", "a qube that echoes");

static struct qrexec *agent;
static struct qubesdb *db;

static uint64_t soon(void)
{
	return clock_deadline(60 * FATA_NS_PER_S);
}

static int echo(struct qrexec_call *c, void *arg)
{
	char part[4096];
	ssize_t n;

	(void)arg;
	printf("echo for %s\n", qrexec_request(c)->source);
	while ((n = qrexec_read(c, part, sizeof(part), soon())) > 0)
		if (qrexec_write(c, part, (size_t)n, soon()) != n)
			return 1;
	return n < 0;
}

/* The question first, then the answer: an echo of more than a ring waits. */
static int relay_to(struct qrexec_call *c, struct qrexec_call *there)
{
	char part[4096];
	ssize_t n;

	while ((n = qrexec_read(c, part, sizeof(part), soon())) > 0)
		if (qrexec_write(there, part, (size_t)n, soon()) != n)
			return 1;
	if (n < 0 || qrexec_end_write(there, soon()))
		return 1;
	while ((n = qrexec_read(there, part, sizeof(part), soon())) > 0)
		if (qrexec_write(c, part, (size_t)n, soon()) != n)
			return 1;
	return n < 0;
}

static int relay(struct qrexec_call *c, void *arg)
{
	const char *target = qrexec_request(c)->argument;
	struct qrexec_call *there;
	int status,
		rc = qrexec_call(agent, target, "fata.Echo", &there, soon());

	(void)arg;
	printf("relay to %s: %d\n", target, rc);
	if (rc)
		return QREXEC_REFUSED;
	rc = relay_to(c, there);
	if (qrexec_finish(there, &status, soon()) || rc)
		return 1;
	return status;
}

static const struct qrexec_service services[] = {
	{.name = "fata.Echo", .serve = echo},
	{.name = "fata.Relay", .serve = relay},
	{.name = NULL}};

static void show(void *arg, const char *path)
{
	struct qubesdb_entry *list;
	unsigned n;

	(void)arg;
	printf("commit of '%s'\n", path);
	if (qubesdb_list(db, path, &list, &n))
		return;
	for (unsigned i = 0; i < n; i++)
		printf("  %s = %s\n", list[i].path, list[i].value);
	heap_free(list);
}

int main(void)
{
	int rc = qrexec_open(services, &agent);

	if (!rc)
		rc = qubesdb_open(&db, soon());
	if (rc) {
		fprintf(stderr, "qubes: no QubesDB: %s\n", strerror(-rc));
		return 1;
	}
	qubesdb_on_commit(db, show, NULL);
	show(NULL, "");
	for (;;) /* until the toolstack ends us */
		fata_sleep(FATA_NS_PER_S * 3600);
}
