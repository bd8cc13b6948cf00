/* SPDX-License-Identifier: ISC */
/*
 * Metrics; see fata/metrics.h. Here are also the heap's: it is below us and
 * does not know of them.
 */
#include "core/metrics.h"

#include <errno.h>
#include <string.h>

#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/log.h>
#include <fata/param.h>
#include <fata/timer.h>
#include "core/fmt.h"

FATA_LOG_SOURCE("metrics");

extern const struct metric __start_fata_metrics[];
extern const struct metric __stop_fata_metrics[];

static uint64_t period;
FATA_PARAM_TIME(period, "metrics", "0s",
		"write all metrics to the log so often (0: never)");

static uint64_t heap_live(void)
{
	struct heap_stat s;

	heap_quick_stat(&s);
	return s.live;
}

static uint64_t heap_free_bytes(void)
{
	struct heap_stat s;

	heap_quick_stat(&s);
	return s.free;
}

static uint64_t heap_peak(void)
{
	struct heap_stat s;

	heap_quick_stat(&s);
	return s.peak;
}

static uint64_t heap_stacks(void)
{
	struct heap_stat s;

	heap_quick_stat(&s);
	return s.stack;
}

static uint64_t heap_failures(void)
{
	struct heap_stat s;

	heap_quick_stat(&s);
	return s.failures;
}

FATA_METRIC_GAUGE_FN(heap_live, "memory.live");
FATA_METRIC_GAUGE_FN(heap_free_bytes, "memory.free");
FATA_METRIC_GAUGE_FN(heap_peak, "memory.peak");
FATA_METRIC_GAUGE_FN(heap_stacks, "memory.stacks");
FATA_METRIC_COUNTER_FN(heap_failures, "memory.failures");

static uint64_t value_of(const struct metric *m)
{
	return m->read ? m->read() : *m->value;
}

void metrics_for_each(void (*fn)(void *arg, const struct metric *m,
				 uint64_t value),
		      void *arg)
{
	const struct metric *m;

	for (m = __start_fata_metrics; m < __stop_fata_metrics; m++)
		fn(arg, m, value_of(m));
}

int metrics_read(const char *name, uint64_t *value)
{
	const struct metric *m;

	for (m = __start_fata_metrics; m < __stop_fata_metrics; m++) {
		if (strcmp(m->name, name) == 0) {
			*value = value_of(m);
			return 0;
		}
	}
	return -ENOENT;
}

/* --- the periodic lines ------------------------------------------- */

struct line {
	char text[200];
	size_t n;
};

static void write_line(struct line *l)
{
	if (l->n)
		log_info("%s", l->text);
	l->n = 0;
}

static void add(void *arg, const struct metric *m, uint64_t value)
{
	struct line *l = arg;
	char pair[80];
	size_t n = fmt(pair, sizeof(pair), "%s=%llu", m->name,
		       (unsigned long long)value);

	if (n >= sizeof(pair))
		n = sizeof(pair) - 1;
	if (l->n + 1 + n >= sizeof(l->text))
		write_line(l);
	if (l->n)
		l->text[l->n++] = ' ';
	memcpy(l->text + l->n, pair, n + 1);
	l->n += n;
}

static void tick(void *arg)
{
	static struct timer timer;
	struct line l = {.n = 0};

	if (arg) {
		metrics_for_each(add, &l);
		write_line(&l);
	}
	timer_set(&timer, clock_deadline(period), tick, &timer);
}

void metrics_start(void)
{
	if (period)
		tick(NULL);
}
