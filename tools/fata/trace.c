/* SPDX-License-Identifier: ISC */
/*
 * `fata trace`: a guest's trace as a timeline, in the JSON that
 * ui.perfetto.dev and chrome://tracing open.
 *
 * Input is the ring itself (include/fata/trace.h), or a console's text with
 * the lines that trace_dump wrote, told apart by their length: 8 bytes are the
 * wall clock's offset, two of 16 a task's name, 24 a record. Whatever else the
 * console shows in between is left out.
 *
 * Each task is a track; track 0 is the vCPU's sleep. A record that makes no
 * sense (a foreign ring may hold anything) is counted and left out.
 */
#include "tool.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fata/trace.h>

static const char usage[] =
	"usage: fata trace FILE [-o FILE]\n"
	"Draws a trace (boot parameter --trace=SIZE): FILE is a console's "
	"text\n"
	"with a dump in it (--trace-dump, or `xl sysrq NAME d`), or the ring "
	"as\n"
	"read from the guest's pages. Writes JSON for ui.perfetto.dev.\n"
	"\n"
	"  -o FILE   write there instead of to stdout\n";

struct dump {
	struct trace_record *r;
	size_t n, room;
	struct trace_name names[TRACE_NAMES];
};

static void add(struct dump *d, const void *record)
{
	if (d->n == d->room) {
		d->room = d->room ? d->room * 2 : 1024;
		d->r = xrealloc(d->r, d->room * sizeof(*d->r));
	}
	memcpy(&d->r[d->n++], record, sizeof(*d->r));
}

static void add_name(struct dump *d, const struct trace_name *n)
{
	struct trace_name *slot = &d->names[n->task % TRACE_NAMES];

	*slot = *n;
	slot->name[sizeof(slot->name) - 1] = 0;
}

/* --- reading ------------------------------------------------------ */

/* The ring's pages: 0, or -1 if that is not what they are. */
static int read_ring(struct dump *d, const char *data, size_t size)
{
	struct trace_header h;
	uint64_t i, first;

	if (size < 4096 || memcmp(data, "FATATRC1", 8))
		return -1;
	memcpy(&h, data, sizeof(h));
	if (h.record != sizeof(struct trace_record) || !h.capacity ||
	    h.capacity > (size - 4096) / h.record)
		return -1;
	for (i = 0; i < TRACE_NAMES; i++)
		if (h.names[i].task)
			add_name(d, &h.names[i]);
	first = h.written > h.capacity ? h.written - h.capacity : 0;
	for (i = first; i < h.written; i++)
		add(d, data + 4096 + i % h.capacity * h.record);
	return 0;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hexadecimal at the start of s: how many bytes, at most `room`. */
static size_t from_hex(const char *s, size_t n, unsigned char *out, size_t room)
{
	size_t i;

	for (i = 0; i < room && 2 * i + 1 < n; i++) {
		int high = digit(s[2 * i]), low = digit(s[2 * i + 1]);

		if (high < 0 || low < 0)
			break;
		out[i] = high << 4 | low;
	}
	return i;
}

/* The lines of a dump: 0, or -1 if there are none. */
static int read_text(struct dump *d, const char *data, size_t size)
{
	static const char mark[] = "trace: ";
	unsigned char bytes[32];
	struct trace_name name;
	const char *at = data, *end = data + size;
	size_t n;
	bool half = false;

	while ((at = memmem(at, end - at, mark, sizeof(mark) - 1))) {
		at += sizeof(mark) - 1;
		n = from_hex(at, end - at, bytes, sizeof(bytes));
		if (n == sizeof(struct trace_record)) {
			add(d, bytes);
		} else if (n == 16) {
			memcpy((char *)&name + (half ? 16 : 0), bytes, 16);
			half = !half;
			if (!half)
				add_name(d, &name);
		}
	}
	return d->n ? 0 : -1;
}

/* --- writing ----------------------------------------------------------------
 */

struct out {
	FILE *f;
	bool any;
	uint32_t running; /* the task; 0: none */
	uint64_t since, idle_since;
	uint32_t named[TRACE_NAMES];
};

static void begin_event(struct out *o)
{
	fputs(o->any ? ",\n" : "\n", o->f);
	o->any = true;
}

static void string(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		unsigned char c = *s;

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < 32 || c > 126)
			fprintf(f, "\\u%04x", c);
		else
			fputc(c, f);
	}
	fputc('"', f);
}

static void stamp(struct out *o, uint64_t time)
{
	fprintf(o->f, "\"ts\":%" PRIu64 ".%03u", time / 1000,
		(unsigned int)(time % 1000));
}

static void slice(struct out *o, uint32_t track, const char *name,
		  uint64_t from, uint64_t to)
{
	if (to < from)
		return;
	begin_event(o);
	fprintf(o->f, "{\"ph\":\"X\",\"pid\":1,\"tid\":%u,", track);
	stamp(o, from);
	fprintf(o->f, ",\"dur\":%" PRIu64 ".%03u,\"name\":", (to - from) / 1000,
		(unsigned int)((to - from) % 1000));
	string(o->f, name);
	fputc('}', o->f);
}

static void instant(struct out *o, const struct trace_record *r,
		    const char *name)
{
	begin_event(o);
	fprintf(o->f, "{\"ph\":\"i\",\"s\":\"t\",\"pid\":1,\"tid\":%u,",
		o->running);
	stamp(o, r->time);
	fputs(",\"name\":", o->f);
	string(o->f, name);
	fprintf(o->f, ",\"args\":{\"a\":%u,\"b\":%" PRIu64 "}}", r->a, r->b);
}

/* One end of a thing that begins and ends in different tasks. */
static void async(struct out *o, const struct trace_record *r, char phase,
		  const char *name)
{
	begin_event(o);
	fprintf(o->f,
		"{\"ph\":\"%c\",\"cat\":\"%s\",\"id\":%u,\"pid\":1,"
		"\"tid\":%u,",
		phase, name, r->a, o->running);
	stamp(o, r->time);
	fprintf(o->f, ",\"name\":\"%s\",\"args\":{\"b\":%" PRIu64 "}}", name,
		r->b);
}

static void name_track(struct out *o, uint32_t track, const char *name)
{
	begin_event(o);
	fprintf(o->f,
		"{\"ph\":\"M\",\"pid\":1,\"tid\":%u,"
		"\"name\":\"thread_name\",\"args\":{\"name\":",
		track);
	string(o->f, name);
	fputs("}}", o->f);
}

static void stop_running(struct out *o, uint64_t time, const char *why)
{
	if (o->running)
		slice(o, o->running, why, o->since, time);
	o->running = 0;
}

/* False for a kind that is not known. */
static bool draw(struct out *o, const struct trace_record *r)
{
	char word[9] = {0};

	memcpy(word, &r->b, 8);
	switch (r->kind) {
	case TRACE_TASK_RUN:
		stop_running(o, r->time, "run");
		o->running = r->a;
		o->since = r->time;
		return true;
	case TRACE_TASK_PARK:
		stop_running(o, r->time, *word ? word : "run");
		return true;
	case TRACE_TASK_WAKE:
		instant(o, r, "wake");
		return true;
	case TRACE_IDLE:
		o->idle_since = r->time;
		return true;
	case TRACE_BUSY:
		if (o->idle_since)
			slice(o, 0, "idle", o->idle_since, r->time);
		return true;
	case TRACE_EVENT:
		instant(o, r, "event");
		return true;
	case TRACE_NOTIFY:
		instant(o, r, "notify");
		return true;
	case TRACE_GRANT:
		async(o, r, 'b', "grant");
		return true;
	case TRACE_GRANT_END:
		async(o, r, 'e', "grant");
		return true;
	case TRACE_XS_REQUEST:
		async(o, r, 'b', "xenstore");
		return true;
	case TRACE_XS_REPLY:
		async(o, r, 'e', "xenstore");
		return true;
	case TRACE_XS_EVENT:
		instant(o, r, "watch");
		return true;
	case TRACE_SUSPEND:
		instant(o, r, r->b ? "resume" : "suspend");
		return true;
	}
	if (r->kind < TRACE_USER)
		return false;
	snprintf(word, sizeof(word), "user%u", (r->kind - TRACE_USER) % 1000);
	instant(o, r, word);
	return true;
}

static void write_json(FILE *f, const struct dump *d)
{
	struct out o = {.f = f};
	size_t i, unknown = 0;

	fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", f);
	name_track(&o, 0, "vCPU");
	for (i = 0; i < TRACE_NAMES; i++)
		if (d->names[i].task)
			name_track(&o, d->names[i].task, d->names[i].name);
	for (i = 0; i < d->n; i++)
		unknown += !draw(&o, &d->r[i]);
	if (d->n)
		stop_running(&o, d->r[d->n - 1].time, "run");
	fprintf(f, "\n],\"otherData\":{\"records\":%zu,\"unknown\":%zu}}\n",
		d->n, unknown);
}

/* --- the command -------------------------------------------------- */

int cmd_trace(int argc, char **argv)
{
	const char *in = NULL, *out = NULL;
	struct dump d = {0};
	uint8_t *data;
	size_t size;
	FILE *f = stdout;
	int i, err;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help"))
			return help(usage);
		if (!strcmp(argv[i], "-o") && i + 1 < argc)
			out = argv[++i];
		else if (argv[i][0] == '-' || in)
			return fail_usage("'%s' is not expected", argv[i]);
		else
			in = argv[i];
	}
	if (!in)
		return fail_usage("which file? (fata trace FILE)");
	err = file_read(in, &data, &size);
	if (err)
		return fail("cannot read %s: %s", in, strerror(-err));
	if (read_ring(&d, (char *)data, size) &&
	    read_text(&d, (char *)data, size))
		return fail("%s holds no trace (expected a dump or a ring)",
			    in);
	if (out) {
		f = fopen(out, "w");
		if (!f)
			return fail("cannot write %s", out);
	}
	write_json(f, &d);
	if (out && fclose(f))
		return fail("cannot write %s", out);
	free(data);
	free(d.r);
	return 0;
}
