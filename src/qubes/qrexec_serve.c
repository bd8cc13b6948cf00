/* SPDX-License-Identifier: ISC */
/*
 * Services (qubes/qrexec.h): one task for each call, which connects to the
 * vchan that dom0 has named, runs the function that was registered, and sends
 * the end of both streams and the exit status, in the order of Qubes' agent.
 *
 * JUST_EXEC has no streams: the caller is told 0, or 127, at once.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/task.h>
#include <qubes/qrexec.h>
#include <string.h>

FATA_LOG_SOURCE("qrexec");

static int nothing_to_do(struct qrexec_call *c, void *arg)
{
	uint64_t deadline = clock_deadline(QREXEC_MSG_NS);
	char part[128];

	(void)arg;
	while (qrexec_read(c, part, sizeof(part), deadline) > 0)
		;
	return 0;
}

/* What each qube is asked and a guest has no need of. */
static const struct qrexec_service usual[] = {
	{.name = "qubes.SetDateTime", .serve = nothing_to_do},
	{.name = "qubes.WaitForSession", .serve = nothing_to_do},
	{.name = NULL}};

static const struct qrexec_service *look(const struct qrexec_service *s,
					 const char *name)
{
	while (s && s->name && strcmp(s->name, name))
		s++;
	return s && s->name ? s : NULL;
}

/* The service, or NULL with the status that says why there is none. */
static const struct qrexec_service *find(struct qrexec_call *c, int *status)
{
	int rc = qrexec_parse(c->text, &c->request);
	const struct qrexec_service *s = NULL;

	*status = rc == -EINVAL ? QREXEC_PROBLEM : QREXEC_NOT_FOUND;
	if (!rc)
		s = look(c->q->services, c->request.service);
	if (!rc && !s)
		s = look(usual, c->request.service);
	if (!s)
		log_info("service '%s' is not here", c->request.service);
	return s;
}

static int send_status(struct qrexec_call *c, int status, uint64_t deadline)
{
	uint32_t code = (uint32_t)status & 255;

	return qrexec_send(&c->link, QREXEC_EXIT_CODE, &code, sizeof(code),
			   deadline);
}

static void finish(struct qrexec_call *c, int status)
{
	uint64_t deadline = clock_deadline(QREXEC_MSG_NS);

	if (!qrexec_end_write(c, deadline) &&
	    !qrexec_send(&c->link, QREXEC_STDERR, NULL, 0, deadline))
		send_status(c, status, deadline);
}

static void just_run(struct qrexec_call *c)
{
	const struct qrexec_service *s = c->service;

	send_status(c, s ? 0 : c->status, clock_deadline(QREXEC_MSG_NS));
	link_close(&c->link);
	if (s)
		s->serve(c, s->arg);
}

static void serve(struct qrexec_call *c)
{
	int rc = link_connect(&c->link, c->where.domain, c->where.port,
			      clock_deadline(QREXEC_CONNECT_NS));

	if (!rc)
		rc = qrexec_hello(&c->link, clock_deadline(QREXEC_MSG_NS));
	if (rc < 0) {
		log_warn("a caller is not there: error %d", -rc);
		return;
	}
	c->version = (uint32_t)rc;
	if (c->just) {
		just_run(c);
		return;
	}
	if (c->service)
		c->status = c->service->serve(c, c->service->arg);
	finish(c, c->status);
}

static int run(void *arg)
{
	struct qrexec_call *c = arg;
	struct qrexec *q = c->q;

	if (!q->closing)
		serve(c);
	link_close(&c->link);
	qrexec_terminated(q, c->session, c->where);
	list_remove(&c->entry);
	fata_task_detach(c->task);
	heap_free(c->text);
	heap_free(c);
	q->n_calls--;
	event_signal(&q->state);
	return 0;
}

static int start(struct qrexec_call *c)
{
	struct task_attr attr = {.name = "qrexec-call"};

	c->service = find(c, &c->status);
	if (c->service)
		attr.stack_size = c->service->stack_size;
	return fata_task_spawn(&c->task, &attr, run, c);
}

int qrexec_serve(struct qrexec *q, bool just, struct qrexec_params where,
		 char *text)
{
	struct qrexec_call *c = NULL;
	int rc = -EBUSY;

	if (q->n_calls < QREXEC_CALLS_MAX) {
		c = heap_calloc(1, sizeof(*c));
		rc = -ENOMEM;
	}
	if (c) {
		c->q = q;
		c->side = QREXEC_SERVING;
		c->where = where;
		c->session = q->session;
		c->just = just;
		c->text = text;
		rc = start(c);
	}
	if (rc) {
		heap_free(text);
		heap_free(c);
		return rc;
	}
	list_add_last(&q->calls, &c->entry);
	q->n_calls++;
	return 0;
}
