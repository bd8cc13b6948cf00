/* SPDX-License-Identifier: ISC */
/*
 * The toolstack's requests (fata/lifecycle.h), as xenstore brings them:
 *
 *     control/shutdown   poweroff, halt, reboot, suspend, crash
 *     control/sysrq      one letter (`xl sysrq`)
 *     control/feature-X  ours, "1": X is understood
 *
 * A request is acknowledged by emptying its key, in a transaction, before it
 * is carried out; only a request that was understood is. An unknown word stays
 * and is logged: the toolstack sees that nobody took it.
 *
 * One task waits for both keys. It carries out suspends itself; a power-off
 * or reboot goes to whoever has taken over, else the guest ends on this task.
 *
 * Source: Xen's docs/misc/xenstore-paths.pandoc.
 */
#include <errno.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/end.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/page.h>
#include <fata/param.h>
#include <fata/task.h>
#include <fata/trace.h>
#include <fata/xen/evtchn.h>
#include <fata/xen/xs.h>
#include "core/lifecycle.h"
#include "core/task.h"
#include "platform.h"
#include "xen/lifecycle.h"
#include "xen/trace_export.h"
#include "xen/xenstore.h"

FATA_LOG_SOURCE("lifecycle");

#define CALL_NS (10 * FATA_NS_PER_S)

static uint64_t watchdog;
FATA_PARAM_TIME(
	watchdog, "watchdog", "0s",
	"end the guest when the main loop hangs for so long (0: never)");

/* --- control/shutdown ------------------------------------------------------
 */

static void poweroff(void)
{
	lifecycle_tell(LIFECYCLE_POWEROFF);
}

static void reboot(void)
{
	lifecycle_tell(LIFECYCLE_REBOOT);
}

static void advertise(void);

static void suspend(void)
{
	/* A new domain's directory does not have them. */
	if (suspend_run())
		return;
	advertise();
	suspend_port_open();
	trace_export();
}

static void crash(void)
{
	fata_panic("the toolstack asked for a crash");
}

static const struct word {
	const char *name;
	void (*fn)(void);
} words[] = {
	{"poweroff", poweroff}, {"halt", poweroff}, {"reboot", reboot},
	{"suspend", suspend},   {"crash", crash},
};

static const struct word *find_word(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(words[i].name, name) == 0)
			return &words[i];
	return NULL;
}

/* --- control/sysrq ------------------------------------------------ */

static void sysrq_memory(void)
{
	struct heap_stat h;
	struct page_stat p;

	heap_quick_stat(&h);
	page_stat(&p);
	log_info("memory: %zu KiB, free %zu, program %zu (at most %zu)",
		 h.total >> 10, h.free >> 10, h.live >> 10, h.peak >> 10);
	log_info("pages: %zu, free %zu, largest block %zu", p.total, p.free,
		 p.largest);
}

static void sysrq_tasks(void)
{
	task_dump(platform_log);
}

static void sysrq_off(void)
{
	fata_end(END_POWEROFF, 0);
}

static void sysrq_reboot(void)
{
	platform_end(END_REBOOT, 0);
}

static const struct sysrq {
	char letter;
	void (*fn)(void);
	const char *what;
} sysrqs[] = {
	{'b', sysrq_reboot, "reboot at once"},
	{'c', crash, "crash"},
	{'d', trace_dump, "the trace"},
	{'e', evtchn_dump, "event channels"},
	{'m', sysrq_memory, "memory"},
	{'o', sysrq_off, "power off"},
	{'t', sysrq_tasks, "tasks"},
};

static void sysrq(char letter)
{
	size_t i, n = sizeof(sysrqs) / sizeof(*sysrqs);

	log_info("sysrq %c", letter);
	for (i = 0; i < n; i++) {
		if (sysrqs[i].letter == letter) {
			sysrqs[i].fn();
			return;
		}
	}
	for (i = 0; i < n; i++)
		log_info("sysrq %c: %s", sysrqs[i].letter, sysrqs[i].what);
}

/* --- following the keys ------------------------------------------- */

/* What stands in a key, and its removal. */
struct taking {
	const char *path;
	bool (*known)(const char *word);
	char word[32]; /* "": nothing to do */
};

static int take(struct xs_transaction *t, void *arg)
{
	struct taking *k = arg;
	char *value;
	int err = xs_read(t, k->path, &value, NULL, clock_deadline(CALL_NS));

	k->word[0] = 0;
	if (err)
		return err;
	strncpy(k->word, value, sizeof(k->word) - 1);
	heap_free(value);
	if (!k->word[0] || !k->known(k->word))
		return 0;
	return xs_write(t, k->path, "", 0, clock_deadline(CALL_NS));
}

static bool shutdown_known(const char *word)
{
	return find_word(word) != NULL;
}

static bool sysrq_known(const char *word)
{
	(void)word;
	return true;
}

/* Take what stands in the key; false when there is nothing, or no more. */
static bool taken_from(struct taking *k)
{
	char *value;
	bool empty;
	int err = xs_read(NULL, k->path, &value, NULL, clock_deadline(CALL_NS));

	/* Most events are our own acknowledgements: no transaction for them. */
	if (err == 0) {
		empty = !*value;
		heap_free(value);
		if (empty)
			return false;
		err = xs_transaction(take, k, clock_deadline(CALL_NS));
	}
	if (err && err != -ENOENT)
		log_warn("%s: error %d", k->path, err);
	return err == 0 && k->word[0];
}

static void follow(void)
{
	struct taking s = {.path = "control/shutdown", .known = shutdown_known};
	struct taking q = {.path = "control/sysrq", .known = sysrq_known};
	const struct word *w;

	if (taken_from(&q))
		sysrq(q.word[0]);
	if (!taken_from(&s))
		return;
	w = find_word(s.word);
	if (w) {
		log_info("%s asked for", w->name);
		w->fn();
	} else {
		log_warn("control/shutdown: unknown request '%s'", s.word);
	}
}

/* Only what is handled is advertised. Failures: somebody else's xenstore. */
static void advertise(void)
{
	static const char *const features[] = {"poweroff", "halt", "reboot",
					       "suspend", "sysrq"};
	char path[XS_PATH_SIZE];
	size_t i;
	int err;

	for (i = 0; i < sizeof(features) / sizeof(*features); i++) {
		xs_path(path, "control/feature-%s", features[i]);
		err = xs_tell(path, "1", 1);
		if (err)
			log_debug("%s: error %d", path, err);
	}
}

/* The task is woken by the watches' events; it reads the keys itself. */
static void touched(void *arg, const char *path)
{
	(void)arg;
	(void)path;
}

static int run(void *arg)
{
	struct xs_watch *shutdown, *keys;
	struct event_wait waits[3] = {{0}};
	int err;

	(void)arg;
	err = xs_watch(&shutdown, "control/shutdown", touched, NULL,
		       FATA_FOREVER);
	if (err)
		return err;
	err = xs_watch(&keys, "control/sysrq", touched, NULL, FATA_FOREVER);
	if (err) {
		xs_unwatch(shutdown);
		return err;
	}
	advertise();
	suspend_port_open();
	trace_export();
	waits[0].event = xs_watch_event(shutdown);
	waits[1].event = xs_watch_event(keys);
	waits[2].event = suspend_port_event();
	for (;;) {
		follow();
		if (suspend_port_asked()) {
			log_info("suspend asked for through the event channel");
			suspend();
		}
		event_wait_any(waits, 3, FATA_FOREVER);
	}
}

int lifecycle_start(void)
{
	const struct task_attr attr = {.name = "lifecycle"};
	int err = watchdog ? lifecycle_watchdog(watchdog) : 0;

	if (err)
		log_error("no watchdog: error %d", err);
	return fata_task_spawn(NULL, &attr, run, NULL);
}
