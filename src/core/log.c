/* SPDX-License-Identifier: ISC */
/*
 * The log. A line is made in full, put into the tail, and then, if its level
 * and its source's rate allow, handed to the platform, which never waits:
 *
 *     [   12.345678] net: link up
 *     [   12.345690] error: net: peer broke the ring
 *
 * The tail is a ring of characters, so that it holds as many lines as fit:
 *
 *     |..line 8\n[ 1.2] net: li|ne 5\n[ 1.0] net: line 6\n ...|
 *                              ^ oldest: from the first \n on, whole lines
 *
 * Interface: fata/log.h. Nothing is allocated while logging and nothing is
 * shared between two calls but the tail, so callbacks and panics may log at
 * any time.
 */
#include "core/log.h"

#include "core/fmt.h"
#include "core/param.h"
#include "platform.h"

#include <errno.h>
#include <fata/clock.h>
#include <fata/heap.h>
#include <fata/param.h>
#include <fata/timer.h>
#include <string.h>

#define TEXT_MAX   500 /* characters of a line's text before escaping */
#define TAIL_FIRST 4096
#define TAIL_MAX   (16ull << 20)

FATA_LOG_SOURCE("log");

extern struct log_source __start_fata_log_sources[];
extern struct log_source __stop_fata_log_sources[];

static uint64_t tail_wanted = 16 << 10;
FATA_PARAM_SIZE(tail_wanted, "log-tail", "16K",
		"log lines kept for a panic, in bytes");

static uint64_t rate = 1000;
FATA_PARAM_UINT(rate, "log-rate", "1000",
		"lines a second that one source may show, 0: all");

static char tail_first[TAIL_FIRST];
static char *tail = tail_first;
static size_t tail_size = TAIL_FIRST;
static uint64_t tail_total; /* bytes written since the start */

static struct timer report_timer;

/* --- making a line --------------------------------------------------- */

struct line {
	char text[64 + 4 * TEXT_MAX];
	size_t n;
};

/*
 * The length of the UTF-8 character at s, or 0 if it is none or a control
 * character: C1 controls (U+0080 to U+009F) steer terminals like C0 ones do.
 */
static unsigned printable(const unsigned char *s, size_t left)
{
	unsigned n = s[0] < 0x80         ? 1
		     : s[0] >> 5 == 0x06 ? 2
		     : s[0] >> 4 == 0x0e ? 3
		     : s[0] >> 3 == 0x1e ? 4
					 : 0;

	if (n == 1)
		return s[0] >= 0x20 && s[0] != 0x7f;
	if (n > left || s[0] == 0xc0 || s[0] == 0xc1)
		return 0;
	for (unsigned i = 1; i < n; i++)
		if (s[i] >> 6 != 2)
			return 0;
	if (s[0] == 0xc2 && s[1] < 0xa0)
		return 0;
	return n;
}

/* What was logged can come from anywhere; it must not steer the terminal. */
static void add_escaped(struct line *l, const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;

	while (n) {
		unsigned step = printable(s, n);

		if (step) {
			memcpy(l->text + l->n, s, step);
			l->n += step;
		} else {
			step = 1;
			l->n += fmt(l->text + l->n, sizeof(l->text) - l->n,
				    "\\x%02x", *s);
		}
		s += step;
		n -= step;
	}
}

static void make_line(struct line *l, uint64_t now, const struct log_source *s,
		      enum log_level level, const char *format, va_list args)
{
	char text[TEXT_MAX + 1];
	size_t n = fmt_v(text, sizeof(text), format, args);
	bool cut = n > TEXT_MAX;

	if (cut)
		n = TEXT_MAX - 3;
	if (n && text[n - 1] == '\n')
		n--;
	l->n = fmt(l->text, 64, "[%5llu.%06llu] %s%.24s: ",
		   (unsigned long long)(now / FATA_NS_PER_S),
		   (unsigned long long)(now % FATA_NS_PER_S / 1000),
		   level == LOG_LEVEL_ERROR  ? "error: "
		   : level == LOG_LEVEL_WARN ? "warning: "
					     : "",
		   s->name);
	add_escaped(l, text, n);
	if (cut) {
		memcpy(l->text + l->n, "...", 3);
		l->n += 3;
	}
	l->text[l->n++] = '\n';
}

/* --- the tail -------------------------------------------------------- */

static void tail_put(const char *text, size_t n)
{
	size_t at = tail_total % tail_size, first = tail_size - at;

	if (first > n)
		first = n;
	memcpy(tail + at, text, first);
	memcpy(tail, text + first, n - first);
	tail_total += n;
}

void log_tail(void (*out)(const char *text, size_t n))
{
	uint64_t from = 0;

	if (tail_total > tail_size) { /* the oldest line is incomplete */
		from = tail_total - tail_size;
		while (tail[from++ % tail_size] != '\n')
			;
	}
	while (from < tail_total) {
		size_t at = from % tail_size, n = tail_size - at;

		if (n > tail_total - from)
			n = tail_total - from;
		out(tail + at, n);
		from += n;
	}
}

static char *moved_to;
static size_t moved_size, moved;

static void move_tail(const char *text, size_t n)
{
	for (; n; n--, text++, moved++)
		moved_to[moved % moved_size] = *text;
}

void log_init(void)
{
	size_t size = tail_wanted < TAIL_FIRST ? TAIL_FIRST
		      : tail_wanted > TAIL_MAX ? TAIL_MAX
					       : tail_wanted;
	char *p;

	if (size == tail_size)
		return;
	p = heap_alloc(size);
	if (!p) {
		log_warn("no memory for log-tail, keeping %zu bytes",
			 tail_size);
		return;
	}
	moved_to = p;
	moved_size = size;
	moved = 0;
	log_tail(move_tail);
	if (tail != tail_first)
		heap_free(tail);
	tail = p;
	tail_size = size;
	tail_total = moved;
}

/* --- levels and rates ------------------------------------------------ */

static void show(const struct log_source *s, enum log_level level,
		 const char *format, ...) FATA_PRINTF(3, 4);

/* Tell what was held back in seconds that are over. */
static void report(void *arg)
{
	uint64_t second = clock_mono_ns() / FATA_NS_PER_S;

	(void)arg;
	for (struct log_source *s = __start_fata_log_sources;
	     s < __stop_fata_log_sources; s++) {
		uint32_t held = s->held;

		if (!held || s->second == second)
			continue;
		s->held = 0;
		show(s, LOG_LEVEL_WARN, "%u lines held back (log-rate)", held);
	}
}

/* May one more line of s be shown in this second? */
static bool allowed(struct log_source *s, uint64_t now)
{
	uint64_t second = now / FATA_NS_PER_S;

	if (!rate)
		return true;
	if (s->second != second) {
		if (s->held)
			report(NULL);
		s->second = second;
		s->lines = 0;
	}
	if (s->lines < rate) {
		s->lines++;
		return true;
	}
	if (!s->held++)
		timer_set(&report_timer, (second + 1) * FATA_NS_PER_S, report,
			  NULL);
	return false;
}

static void show_v(const struct log_source *s, uint64_t now,
		   enum log_level level, bool shown, const char *format,
		   va_list args)
{
	struct line l;

	make_line(&l, now, s, level, format, args);
	tail_put(l.text, l.n);
	if (shown)
		platform_log(l.text, l.n);
}

static void show(const struct log_source *s, enum log_level level,
		 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	show_v(s, clock_mono_ns(), level, level <= s->level, format, args);
	va_end(args);
}

void log_write_v(const struct log_source *s, enum log_level level,
		 const char *format, va_list args)
{
	uint64_t now = clock_mono_ns();
	bool shown = level <= s->level;

	/* Sources are const to their users only. */
	if (shown && level != LOG_LEVEL_QUIET)
		shown = allowed((struct log_source *)s, now);
	show_v(s, now, level, shown, format, args);
}

void log_write(const struct log_source *s, enum log_level level,
	       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_write_v(s, level, format, args);
	va_end(args);
}

int log_set_level(const char *source, enum log_level level)
{
	int err = source ? -ENOENT : 0;

	for (struct log_source *s = __start_fata_log_sources;
	     s < __stop_fata_log_sources; s++) {
		if (source && strcmp(s->name, source))
			continue;
		s->level = level;
		err = 0;
	}
	return err;
}

/* --- parameter -l ---------------------------------------------------- */

static const char *const level_names[] = {"quiet", "error", "warn", "info",
					  "debug"};

static int find_level(const char *text, size_t n)
{
	for (int i = 0; i <= LOG_LEVEL_DEBUG; i++)
		if (strlen(level_names[i]) == n &&
		    !memcmp(level_names[i], text, n))
			return i;
	return -ENOENT;
}

static int unknown_source(const char *name)
{
	char known[200] = "";
	size_t n = 0;

	for (struct log_source *s = __start_fata_log_sources;
	     s < __stop_fata_log_sources && n < sizeof(known); s++) {
		bool again = false;

		for (struct log_source *o = __start_fata_log_sources; o < s;
		     o++)
			again = again || !strcmp(o->name, s->name);
		if (!again)
			n += fmt(known + n, sizeof(known) - n, " %s", s->name);
	}
	return param_bad("no log source \"%s\" here (there are:%s)", name,
			 known);
}

/* One of the parts between commas: SOURCE:LEVEL or LEVEL. */
static int set_one(const char *part, size_t n)
{
	const char *colon = memchr(part, ':', n);
	const char *word = colon ? colon + 1 : part;
	size_t word_n = n - (size_t)(word - part);
	int level = find_level(word, word_n);
	char name[32];

	if (level < 0)
		return param_bad("bad log level \"%.*s\" (expected quiet, "
				 "error, warn, info or debug)",
				 (int)word_n, word);
	if (!colon)
		return log_set_level(NULL, (enum log_level)level);
	fmt(name, sizeof(name), "%.*s", (int)(colon - part), part);
	if (log_set_level(name, (enum log_level)level))
		return unknown_source(name);
	return 0;
}

static int set_levels(const char *value)
{
	for (;;) {
		const char *comma = strchr(value, ',');
		size_t n = comma ? (size_t)(comma - value) : strlen(value);
		int err = set_one(value, n);

		if (err || !comma)
			return err;
		value = comma + 1;
	}
}

FATA_PARAM_LIST(set_levels, "l", "info",
		"log levels: [SOURCE:]LEVEL, several with commas");
