/* SPDX-License-Identifier: ISC */
/*
 * Metrics: numbers with names that tell how the guest is doing.
 *
 *     static uint64_t served;
 *     FATA_METRIC_COUNTER(served, "http.requests");
 *     ...
 *     served++;
 *
 * A metric costs nothing until it is read: it is a plain variable, or a
 * function that is called by the reader. Boot parameter `metrics=10s` writes
 * all of them to the log every ten seconds, one line of NAME=VALUE pairs
 * (source "metrics"), several lines if they are many.
 */
#ifndef FATA_METRICS_H
#define FATA_METRICS_H

#include <fata/manifest.h>

FATA_BEGIN

/* How a value moves. */
enum metric_kind {
	METRIC_COUNTER, /* only grows, from 0 at the start */
	METRIC_GAUGE,   /* goes up and down */
};

/* One metric; made by the macros below, found by the linker. */
struct metric {
	const char *name; /* lower case, parts separated by dots */
	enum metric_kind kind;
	const uint64_t *value;  /* if there is no read */
	uint64_t (*read)(void); /* must not block; or NULL */
};

/* Private: what the macros below are made of. */
#define FATA_METRIC_(kind_, name_, value_, read_)                              \
	static const struct metric FATA_NOTE_PASTE(fata_metric_, __COUNTER__)  \
		__attribute__((section("fata_metrics"), used)) = {             \
			.name = name_,                                         \
			.kind = kind_,                                         \
			.value = value_,                                       \
			.read = read_}

/* The uint64_t variable `var`, under this name. */
#define FATA_METRIC_COUNTER(var, name)                                         \
	FATA_METRIC_(METRIC_COUNTER, name, &(var), NULL)
#define FATA_METRIC_GAUGE(var, name)                                           \
	FATA_METRIC_(METRIC_GAUGE, name, &(var), NULL)

/* What the function `fn` returns. */
#define FATA_METRIC_COUNTER_FN(fn, name)                                       \
	FATA_METRIC_(METRIC_COUNTER, name, NULL, fn)
#define FATA_METRIC_GAUGE_FN(fn, name)                                         \
	FATA_METRIC_(METRIC_GAUGE, name, NULL, fn)

/* Call fn for each metric, in no particular order. Does not block. */
void metrics_for_each(void (*fn)(void *arg, const struct metric *m,
				 uint64_t value),
		      void *arg);

/* The value of the metric with that name: 0 or -ENOENT. */
int metrics_read(const char *name, uint64_t *value);

FATA_END
#endif
