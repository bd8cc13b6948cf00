/* SPDX-License-Identifier: ISC */
/*
 * qrexec's control connection (qubes/qrexec.h). One task has it:
 *
 *     1  serve port 512 until dom0's daemon is there; exchange HELLOs
 *     2  EXEC, JUST_EXEC: a call begins, on a task of its own
 *        CONNECT, REFUSE: the answer to a request of ours, found by its ident
 *     3  when it is lost: requests fail, calls go on over their own
 *        connections, and from 1 on
 *
 * A CONNECT that nobody waits for any more is answered with TERMINATED, so that
 * dom0 has its port back.
 */
#include <core/fmt.h>
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/task.h>
#include <qubes/qrexec.h>
#include <string.h>

FATA_LOG_SOURCE("qrexec");

#define PAUSE_MIN (100 * FATA_NS_PER_MS)
#define PAUSE_MAX (5 * FATA_NS_PER_S)

/* --- messages ----------------------------------------------------------- */

int qrexec_send(struct link *l, uint32_t type, const void *data, size_t n,
		uint64_t deadline)
{
	struct qrexec_header h = {type, (uint32_t)n};
	int rc = link_write_all(l, &h, sizeof(h), deadline);

	return rc ? rc : link_write_all(l, data, n, deadline);
}

int qrexec_hello(struct link *l, uint64_t deadline)
{
	uint32_t version = QREXEC_VERSION;
	struct qrexec_header h;
	int rc = qrexec_send(l, QREXEC_HELLO, &version, sizeof(version),
			     deadline);

	if (!rc)
		rc = link_read_all(l, &h, sizeof(h), deadline);
	if (!rc)
		rc = qrexec_version(&h, 2); /* whether it is one */
	if (rc < 0)
		return rc;
	rc = link_read_all(l, &version, sizeof(version), deadline);
	return rc ? rc : qrexec_version(&h, version);
}

int qrexec_control(struct qrexec *q, uint32_t type, const void *data, size_t n,
		   uint64_t deadline)
{
	int rc = mutex_lock(&q->sending, deadline);

	if (rc)
		return rc;
	if (!q->connected) {
		mutex_unlock(&q->sending);
		return -ECONNRESET;
	}
	rc = qrexec_send(&q->link, type, data, n,
			 clock_deadline(QREXEC_MSG_NS));
	if (rc)
		link_cut(&q->link);
	mutex_unlock(&q->sending);
	return rc;
}

void qrexec_terminated(struct qrexec *q, uint32_t session,
		       struct qrexec_params where)
{
	int rc = -ECANCELED;

	/* a cancellation may come in between, once */
	for (int i = 0; i < 2 && rc == -ECANCELED; i++)
		rc = session == q->session && q->connected
			     ? qrexec_control(q, QREXEC_TERMINATED, &where,
					      sizeof(where),
					      clock_deadline(QREXEC_MSG_NS))
			     : 0;
}

/* --- answers to our requests -------------------------------------------- */

static bool answer(struct qrexec *q, const char *ident, size_t n, int result,
		   struct qrexec_params where)
{
	int64_t number = qrexec_ident(ident, n);

	list_for_each(e, &q->requests)
	{
		struct qrexec_asked *a =
			list_entry(e, struct qrexec_asked, entry);

		if (a->ident != number)
			continue;
		a->result = result;
		a->where = where;
		list_remove(&a->entry);
		event_signal(&q->state);
		return true;
	}
	log_warn("an answer to no request");
	return false;
}

static int refused(struct qrexec *q)
{
	struct qrexec_params nowhere = {0, 0};
	char ident[QREXEC_IDENT];
	int rc = link_read_all(&q->link, ident, sizeof(ident),
			       clock_deadline(QREXEC_MSG_NS));

	if (!rc)
		answer(q, ident, sizeof(ident), -EACCES, nowhere);
	return rc;
}

/* --- what dom0 says ----------------------------------------------------- */

/* No memory for a message: it is dropped, the connection stays. */
static int pass_over(struct qrexec *q, size_t n, uint64_t deadline)
{
	char part[256];
	int rc = 0;

	while (n && !rc) {
		size_t some = n < sizeof(part) ? n : sizeof(part);

		rc = link_read_all(&q->link, part, some, deadline);
		n -= some;
	}
	return rc;
}

/* CONNECT, EXEC, JUST_EXEC, with its whole text. */
static int begin(struct qrexec *q, uint32_t type, struct qrexec_params where,
		 char *text, size_t n)
{
	int rc = 0;

	if (type == QREXEC_CONNECT) {
		if (!answer(q, text, n, 0, where))
			rc = -ENOENT;
		heap_free(text);
	} else if (qrexec_is_text(text, n)) {
		rc = qrexec_serve(q, type == QREXEC_JUST_EXEC, where, text);
	} else {
		heap_free(text);
		return -EPROTO;
	}
	if (rc) {
		log_warn("a call is turned away: error %d", -rc);
		qrexec_terminated(q, q->session, where);
	}
	return 0;
}

static int with_params(struct qrexec *q, const struct qrexec_header *h)
{
	uint64_t deadline = clock_deadline(QREXEC_MSG_NS);
	size_t n = h->size - sizeof(struct qrexec_params);
	struct qrexec_params where;
	char *text;
	int rc = link_read_all(&q->link, &where, sizeof(where), deadline);

	if (rc)
		return rc;
	text = heap_alloc(n);
	if (!text) {
		rc = pass_over(q, n, deadline);
		if (!rc)
			qrexec_terminated(q, q->session, where);
		return rc;
	}
	rc = link_read_all(&q->link, text, n, deadline);
	if (!rc)
		return begin(q, h->type, where, text, n);
	heap_free(text);
	return rc;
}

static int message(struct qrexec *q)
{
	struct qrexec_header h;
	int rc = link_read_all(&q->link, &h, 1, FATA_FOREVER);

	if (!rc)
		rc = link_read_all(&q->link, (char *)&h + 1, sizeof(h) - 1,
				   clock_deadline(QREXEC_MSG_NS));
	if (!rc)
		rc = qrexec_check(&h, QREXEC_CONTROL, q->version);
	if (rc)
		return rc;
	return h.type == QREXEC_REFUSE ? refused(q) : with_params(q, &h);
}

/* --- the connection ----------------------------------------------------- */

static void disconnected(struct qrexec *q)
{
	q->connected = false;
	while (!list_empty(&q->requests)) {
		struct list *e = list_pop(&q->requests);

		list_entry(e, struct qrexec_asked, entry)->result = -ECONNRESET;
	}
	event_signal(&q->state);
	link_cut(&q->link); /* who sends stops */
	while (mutex_lock(&q->sending, FATA_FOREVER))
		;
	link_close(&q->link);
	mutex_unlock(&q->sending);
}

static int session(struct qrexec *q)
{
	int rc = link_listen(&q->link, 0, QREXEC_PORT, 4096,
			     clock_deadline(QREXEC_MSG_NS));

	if (rc)
		return rc;
	rc = link_wait(&q->link, FATA_FOREVER);
	if (!rc)
		rc = qrexec_hello(&q->link, clock_deadline(QREXEC_MSG_NS));
	if (rc > 0) {
		q->version = (uint32_t)rc;
		q->session++;
		q->connected = true;
		log_info("dom0 is connected, version %d", rc);
		event_signal(&q->state);
		rc = 0;
	}
	while (!rc && !q->closing) {
		rc = message(q);
		fata_yield(); /* dom0 may have much to say */
	}
	disconnected(q);
	return rc;
}

static int run(void *arg)
{
	struct qrexec *q = arg;
	uint64_t pause = PAUSE_MIN;

	while (!q->closing) {
		uint32_t before = q->session;
		int rc = session(q);
		uint64_t seen = event_count(&q->state);

		if (q->closing || rc == -ENODEV) {
			q->error = rc;
			break;
		}
		if (q->session != before)
			pause = PAUSE_MIN;
		log_warn("the connection to dom0 ended (error %d)", -rc);
		event_wait(&q->state, &seen, clock_deadline(pause));
		pause = pause < PAUSE_MAX ? 2 * pause : pause;
	}
	event_signal(&q->state);
	return 0;
}

int qrexec_open(const struct qrexec_service *services, struct qrexec **out)
{
	static const struct task_attr attr = {.name = "qrexec"};
	struct qrexec *q = heap_calloc(1, sizeof(*q));
	int rc;

	if (!q)
		return -ENOMEM;
	q->services = services;
	list_init(&q->requests);
	list_init(&q->calls);
	rc = fata_task_spawn(&q->task, &attr, run, q);
	if (rc)
		heap_free(q);
	else
		*out = q;
	return rc;
}

int qrexec_wait(struct qrexec *q, uint64_t deadline)
{
	while (!q->connected) {
		uint64_t seen = event_count(&q->state);
		int rc = q->error ? q->error
				  : event_wait(&q->state, &seen, deadline);

		if (rc)
			return rc;
	}
	return 0;
}

void qrexec_close(struct qrexec *q)
{
	if (!q)
		return;
	q->closing = true;
	link_cut(&q->link);
	event_signal(&q->state);
	fata_task_cancel(q->task);
	while (fata_task_join(q->task, NULL, FATA_FOREVER))
		;
	list_for_each(e, &q->calls)
	{
		struct qrexec_call *c =
			list_entry(e, struct qrexec_call, entry);

		link_cut(&c->link);
		fata_task_cancel(c->task);
	}
	while (q->n_calls) {
		uint64_t seen = event_count(&q->state);

		event_wait(&q->state, &seen, FATA_FOREVER);
	}
	heap_free(q);
}

/* --- asking ------------------------------------------------------------- */

/* TRIGGER: name (64), target (32), ident. TRIGGER3: target (64), ident, name.
 */
static int trigger(struct qrexec *q, const char *target, const char *service,
		   const char *ident, uint64_t deadline)
{
	size_t name = strlen(service), n = 64 + 32 + 32;
	bool old = q->version < 3;
	char *m;
	int rc;

	if (strlen(target) >= (old ? 32u : 64u) ||
	    name >= (old ? 64u : QREXEC_NAME_MAX))
		return -ENAMETOOLONG;
	n = old ? n : 64 + 32 + name + 1;
	m = heap_calloc(1, n);
	if (!m)
		return -ENOMEM;
	memcpy(m + (old ? 0 : 64 + 32), service, name);
	memcpy(m + (old ? 64 : 0), target, strlen(target));
	memcpy(m + (old ? 64 + 32 : 64), ident, strlen(ident));
	rc = qrexec_control(q, old ? QREXEC_TRIGGER : QREXEC_TRIGGER3, m, n,
			    deadline);
	heap_free(m);
	return rc;
}

/* Ask dom0 and wait for its answer. */
static int permission(struct qrexec *q, const char *target, const char *service,
		      struct qrexec_asked *a, uint64_t deadline)
{
	char ident[QREXEC_IDENT];
	int rc;

	a->ident = q->next_ident++;
	a->result = -EINPROGRESS;
	fmt(ident, sizeof(ident), "FATA%u", a->ident);
	list_add_last(&q->requests, &a->entry);
	rc = trigger(q, target, service, ident, deadline);
	while (!rc && a->result == -EINPROGRESS) {
		uint64_t seen = event_count(&q->state);

		rc = event_wait(&q->state, &seen, deadline);
	}
	list_remove(&a->entry);
	return a->result == -EINPROGRESS ? rc : a->result;
}

/* The service comes to us, as client of our vchan. */
static int meet(struct qrexec_call *c, uint64_t deadline)
{
	int rc = link_listen(&c->link, c->where.domain, c->where.port,
			     QREXEC_RING, deadline);

	if (!rc)
		rc = link_wait(&c->link, deadline);
	if (!rc)
		rc = qrexec_hello(&c->link, deadline);
	if (rc < 0)
		return rc;
	c->version = (uint32_t)rc;
	return 0;
}

int qrexec_call(struct qrexec *q, const char *target, const char *service,
		struct qrexec_call **out, uint64_t deadline)
{
	struct qrexec_asked a;
	struct qrexec_call *c;
	int rc = *target && *service ? qrexec_wait(q, deadline) : -EINVAL;

	if (rc)
		return rc;
	c = heap_calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->q = q;
	c->side = QREXEC_CALLING;
	c->status = -EINPROGRESS;
	c->request = (struct qrexec_request){"", "", "", ""};
	c->session = q->session;
	rc = permission(q, target, service, &a, deadline);
	if (!rc) {
		c->where = a.where;
		rc = meet(c, deadline);
		if (rc) {
			link_close(&c->link);
			qrexec_terminated(q, c->session, c->where);
		}
	}
	if (rc)
		heap_free(c);
	else
		*out = c;
	return rc;
}
