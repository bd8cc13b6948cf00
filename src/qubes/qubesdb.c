/* SPDX-License-Identifier: ISC */
/*
 * QubesDB (fata/qubesdb.h): the connection to dom0's daemon, which serves port
 * 111. One task has it:
 *
 *     1  connect; send MULTIREAD; take all of its answers
 *     2  take WRITEs and RMs, each acknowledged by OK with its path, and the
 *        answers to our own
 *     3  whatever goes wrong: close, wait a little, from 1 on
 *
 * Requests of the program's: one at a time; the answers come in order. What
 * was asked is done to the copy when dom0 has agreed, so that both stay alike.
 * dom0's daemon ends itself when a guest removes what is not there: that is
 * refused here.
 *
 * Source: QubesOS/qubes-core-qubesdb, daemon/db-daemon.c.
 */
#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/sync.h>
#include <fata/task.h>
#include <qubes/link.h>
#include <qubes/qubesdb.h>
#include <string.h>

FATA_LOG_SOURCE("qubesdb");

#define PORT       111
#define MESSAGE_NS (30 * FATA_NS_PER_S) /* for the rest of a message */
#define PAUSE_MIN  (100 * FATA_NS_PER_MS)
#define PAUSE_MAX  (5 * FATA_NS_PER_S)

/* A request of the program's. */
struct request {
	uint8_t type;
	const char *path;
	const void *value;
	size_t size;
	int result; /* -EINPROGRESS: no answer yet */
};

struct qubesdb {
	struct link link;
	struct qdb_map map;
	struct task *task;
	struct event changed, state; /* state: of connection and request */
	bool closing, connected, opened;
	int error; /* why the task ended, or the last connection */
	struct mutex sending, asking;
	struct request *request;
	void (*commit)(void *arg, const char *path);
	void *commit_arg;
	struct qdb_header header; /* of the message that comes in */
	char data[QUBESDB_VALUE_MAX];
};

/* --- messages ----------------------------------------------------------- */

/* Once it is its turn, until the deadline. */
static int send(struct qubesdb *db, uint8_t type, const char *path,
		const void *data, size_t n, uint64_t deadline)
{
	struct qdb_header h = {.type = type, .size = (uint32_t)n};
	int rc = mutex_lock(&db->sending, deadline);

	if (rc)
		return rc;
	memcpy(h.path, path, strlen(path));
	deadline = clock_deadline(MESSAGE_NS);
	rc = link_write_all(&db->link, &h, sizeof(h), deadline);
	if (!rc)
		rc = link_write_all(&db->link, data, n, deadline);
	if (rc)
		link_cut(&db->link); /* perhaps in the middle of a message */
	mutex_unlock(&db->sending);
	return rc;
}

/* -ENOMEM: dom0 has it, we have not; a new copy is needed. */
static int answered(struct qubesdb *db)
{
	struct request *r = db->request;
	int rc = 0;

	/* one that nobody waits for any more, or a note on another */
	if (!r || strncmp(r->path, db->header.path, QUBESDB_PATH_SIZE))
		return 0;
	if (db->header.type != QDB_OK)
		r->result = db->header.type == QDB_NOENT ? -ENOENT : -EACCES;
	else if (r->type == QDB_RM)
		r->result = (qdb_remove(&db->map, r->path), 0);
	else
		r->result = rc = qdb_set(&db->map, r->path, r->value, r->size);
	db->request = NULL;
	event_signal(&db->state);
	event_signal(&db->changed);
	return rc;
}

static void committed(struct qubesdb *db, const char *path)
{
	if (db->commit && !db->closing)
		db->commit(db->commit_arg, path);
}

static int copied(struct qubesdb *db)
{
	bool again = db->opened;

	db->opened = db->connected = true;
	db->error = 0;
	log_info("%u entries", db->map.n);
	event_signal(&db->state);
	event_signal(&db->changed);
	if (again)
		committed(db, "");
	return 0;
}

static int changed(struct qubesdb *db)
{
	int rc;

	event_signal(&db->changed);
	rc = send(db, QDB_OK, db->header.path, NULL, 0,
		  clock_deadline(MESSAGE_NS));
	if (!rc && db->header.type == QDB_WRITE && !db->header.size)
		committed(db, db->header.path);
	return rc;
}

static int message(struct qubesdb *db)
{
	uint64_t began =
		db->map.next ? clock_deadline(MESSAGE_NS) : FATA_FOREVER;
	int rc = link_read_all(&db->link, &db->header, 1, began);
	uint64_t end = clock_deadline(MESSAGE_NS);

	if (!rc)
		rc = link_read_all(&db->link, (char *)&db->header + 1,
				   sizeof(db->header) - 1, end);
	if (!rc)
		rc = qdb_header_check(&db->map, &db->header);
	if (!rc)
		rc = link_read_all(&db->link, db->data, db->header.size, end);
	if (!rc)
		rc = qdb_message(&db->map, &db->header, db->data);
	if (rc == QDB_COPIED)
		return copied(db);
	if (rc == QDB_CHANGED)
		return changed(db);
	if (rc == QDB_NOTHING)
		return answered(db);
	return rc < 0 ? rc : 0;
}

/* --- the connection ----------------------------------------------------- */

/* The end of one: who waits for an answer gets none. */
static void disconnected(struct qubesdb *db)
{
	db->connected = false;
	qdb_abandon(&db->map);
	if (db->request)
		db->request->result = -ECONNRESET;
	db->request = NULL;
	event_signal(&db->state);
	/* a request that is being sent ends with the link */
	link_cut(&db->link);
	while (mutex_lock(&db->sending, FATA_FOREVER))
		;
	link_close(&db->link);
	mutex_unlock(&db->sending);
}

static int session(struct qubesdb *db)
{
	int rc = link_connect(&db->link, 0, PORT, clock_deadline(MESSAGE_NS));

	if (rc)
		return rc;
	rc = qdb_begin(&db->map);
	if (!rc)
		rc = send(db, QDB_MULTIREAD, "", NULL, 0,
			  clock_deadline(MESSAGE_NS));
	while (!rc && !db->closing) {
		rc = message(db);
		fata_yield(); /* dom0 may have much to say */
	}
	disconnected(db);
	return rc;
}

static int run(void *arg)
{
	struct qubesdb *db = arg;
	uint64_t pause = PAUSE_MIN;
	int before = 0;

	while (!db->closing) {
		int rc = session(db);
		uint64_t seen = event_count(&db->state);

		if (db->closing || rc == -ENODEV) {
			db->error = rc;
			break;
		}
		if (!db->error) { /* it was connected */
			pause = PAUSE_MIN;
			before = 0;
		}
		if (rc != before)
			log_warn("no connection to dom0 (error %d), "
				 "trying again",
				 -rc);
		before = rc;
		db->error = rc;
		event_wait(&db->state, &seen, clock_deadline(pause));
		pause = pause < PAUSE_MAX ? 2 * pause : pause;
	}
	event_signal(&db->state);
	return 0;
}

/* Until it is connected. */
static int wait_connected(struct qubesdb *db, uint64_t deadline)
{
	while (!db->connected) {
		uint64_t seen = event_count(&db->state);
		int rc = db->error == -ENODEV
				 ? -ENODEV
				 : event_wait(&db->state, &seen, deadline);

		if (rc)
			return rc;
	}
	return 0;
}

int qubesdb_open(struct qubesdb **out, uint64_t deadline)
{
	static const struct task_attr attr = {.name = "qubesdb"};
	struct qubesdb *db = heap_calloc(1, sizeof(*db));
	int rc;

	if (!db)
		return -ENOMEM;
	rc = fata_task_spawn(&db->task, &attr, run, db);
	if (rc) {
		heap_free(db);
		return rc;
	}
	rc = wait_connected(db, deadline);
	if (rc)
		qubesdb_close(db);
	else
		*out = db;
	return rc;
}

void qubesdb_close(struct qubesdb *db)
{
	if (!db)
		return;
	db->closing = true;
	link_cut(&db->link);
	event_signal(&db->state);
	fata_task_cancel(db->task);
	while (fata_task_join(db->task, NULL, FATA_FOREVER))
		;
	qdb_free(&db->map);
	heap_free(db);
}

/* --- reading ------------------------------------------------------------ */

int qubesdb_read(struct qubesdb *db, const char *path, char **value,
		 size_t *size)
{
	struct qdb_item *e = qdb_find(&db->map, path);
	char *copy;

	if (!e)
		return -ENOENT;
	copy = heap_alloc((size_t)e->size + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, e->value, (size_t)e->size + 1);
	*value = copy;
	if (size)
		*size = e->size;
	return 0;
}

/* One block: the list, then each path and value. */
int qubesdb_list(struct qubesdb *db, const char *prefix,
		 struct qubesdb_entry **list, unsigned *n)
{
	unsigned first = qdb_lower(&db->map, prefix), end = first;
	size_t length = strlen(prefix), bytes = 0;
	struct qubesdb_entry *l;
	char *text;

	for (; end < db->map.n; end++) {
		const struct qdb_item *e = db->map.at[end];

		if (strncmp(e->path, prefix, length))
			break;
		bytes += strlen(e->path) + 1 + e->size + 1;
	}
	l = heap_alloc((end - first) * sizeof(*l) + bytes + 1);
	if (!l)
		return -ENOMEM;
	text = (char *)(l + (end - first));
	for (unsigned i = first; i < end; i++) {
		const struct qdb_item *e = db->map.at[i];
		size_t path = strlen(e->path) + 1;

		memcpy(text, e->path, path + e->size + 1);
		l[i - first] = (struct qubesdb_entry){
			.path = text, .value = text + path, .size = e->size};
		text += path + e->size + 1;
	}
	*list = l;
	*n = end - first;
	return 0;
}

struct event *qubesdb_changed(struct qubesdb *db)
{
	return &db->changed;
}

void qubesdb_on_commit(struct qubesdb *db,
		       void (*fn)(void *arg, const char *path), void *arg)
{
	db->commit = fn;
	db->commit_arg = arg;
}

/* --- writing ------------------------------------------------------------ */

static int wait_answer(struct qubesdb *db, struct request *r, uint64_t deadline)
{
	int rc = 0;

	while (r->result == -EINPROGRESS && !rc) {
		uint64_t seen = event_count(&db->state);

		rc = event_wait(&db->state, &seen, deadline);
	}
	return r->result == -EINPROGRESS ? rc : r->result;
}

static int ask_locked(struct qubesdb *db, struct request *r, uint64_t deadline)
{
	int rc = wait_connected(db, deadline);

	if (rc)
		return rc;
	if (r->type == QDB_RM && !qdb_count(&db->map, r->path))
		return -ENOENT;
	db->request = r;
	rc = send(db, r->type, r->path, r->value, r->size, deadline);
	if (!rc)
		rc = wait_answer(db, r, deadline);
	if (db->request == r)
		db->request = NULL;
	return rc;
}

static int ask(struct qubesdb *db, struct request *r, uint64_t deadline)
{
	int rc = mutex_lock(&db->asking, deadline);

	if (rc)
		return rc;
	r->result = -EINPROGRESS;
	rc = ask_locked(db, r, deadline);
	mutex_unlock(&db->asking);
	return rc;
}

int qubesdb_write(struct qubesdb *db, const char *path, const void *value,
		  size_t n, uint64_t deadline)
{
	struct request r = {
		.type = QDB_WRITE, .path = path, .value = value, .size = n};

	if (!qdb_path_ok(path) || path[strlen(path) - 1] == '/' ||
	    n > QUBESDB_VALUE_MAX || (n && memchr(value, 0, n)))
		return -EINVAL;
	return ask(db, &r, deadline);
}

int qubesdb_rm(struct qubesdb *db, const char *path, uint64_t deadline)
{
	struct request r = {.type = QDB_RM, .path = path};

	return qdb_path_ok(path) ? ask(db, &r, deadline) : -EINVAL;
}
