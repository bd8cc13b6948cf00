/* SPDX-License-Identifier: ISC */
/*
 * ext4: the task that libext2fs runs on. Jobs in order of their arrival; every
 * five seconds all that is dirty is written and committed, and between two jobs
 * when a transaction grows large.
 *
 * Interface: fs/ext4.h.
 */
#include <errno.h>
#include <et/com_err.h>
#include <fata/clock.h>
#include <fata/log.h>
#include <fata/task.h>
#include <fs/ext4.h>

FATA_LOG_SOURCE("ext4");

#define STACK  (128u << 10)
#define PERIOD (5 * FATA_NS_PER_S)

/* --- errors --------------------------------------------------------------- */

int ext4_error(errcode_t err)
{
	switch (err) {
	case EXT2_ET_NO_MEMORY:
		return -ENOMEM;
	case EXT2_ET_BLOCK_ALLOC_FAIL:
	case EXT2_ET_INODE_ALLOC_FAIL:
	case EXT2_ET_DIR_NO_SPACE:
		return -ENOSPC;
	case EXT2_ET_RO_FILSYS:
		return -EROFS;
	default:
		return err >= 0 && err < 4096 ? (int)-err : -EUCLEAN;
	}
}

int ext4_abort(struct ext4 *e, int err, const char *what)
{
	if (!e->aborted && !e->read_only)
		log_error("%s: %s (error %d): read-only from now on", e->name,
			  what, -err);
	e->aborted = true;
	if (e->root)
		e->root->node.read_only = true;
	return err;
}

int ext4_writable(const struct ext4 *e)
{
	return e->read_only || e->aborted ? -EROFS : 0;
}

/* --- jobs ----------------------------------------------------------------- */

struct job {
	struct list link;
	int (*fn)(struct ext4 *e, void *arg);
	void *arg;
	int result;
	bool done;
	struct sync_queue waiter;
};

int ext4_call(struct ext4 *e, int (*fn)(struct ext4 *e, void *arg), void *arg)
{
	struct job j = {.fn = fn, .arg = arg};

	if (task_self() == e->task)
		return fn(e, arg);
	list_add_last(&e->jobs, &j.link);
	event_signal(&e->work);
	while (!j.done)
		wait_in(&j.waiter, NULL, "ext4", FATA_FOREVER, false);
	return j.result;
}

static int run(void *arg)
{
	struct ext4 *e = arg;
	uint64_t seen = 0, due = clock_deadline(PERIOD);

	while (!e->stop) {
		struct job *j;

		if (list_empty(&e->jobs)) {
			if (event_wait(&e->work, &seen, due) == -ETIMEDOUT) {
				ext4_write_all(e);
				due = clock_deadline(PERIOD);
			}
			continue;
		}
		j = list_entry(list_pop(&e->jobs), struct job, link);
		j->result = j->fn(e, j->arg);
		ext4_bound(e);
		j->done = true;
		wait_wake_first(&j->waiter, 0);
		if (clock_mono_ns() >= due) {
			ext4_write_all(e);
			due = clock_deadline(PERIOD);
		}
	}
	return 0;
}

/* What libext2fs would print on the program's stderr, waiting for its lock. */
static void complain(const char *who, errcode_t err, const char *format,
		     va_list args)
{
	(void)who;
	(void)args;
	log_debug("libext2fs: error %ld (%s)", (long)err, format);
}

int ext4_task_start(struct ext4 *e)
{
	struct task_attr attr = {.name = "ext4", .stack_size = STACK};

	set_com_err_hook(complain);
	return fata_task_spawn(&e->task, &attr, run, e);
}

void ext4_task_end(struct ext4 *e)
{
	e->stop = true;
	event_signal(&e->work);
	fata_task_join(e->task, NULL, FATA_FOREVER);
}
