/* SPDX-License-Identifier: ISC */
/*
 * The statements of a topology (sim_topo.h; docs/sim.md has the grammar).
 *
 * A statement is one line. Each changes the topology at once; only events are
 * put in order at the end. Names are looked up in the order of the file, so
 * what a line speaks of stands above it.
 */
#include "sim_topo_int.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WALL_DEFAULT 1767225600ull /* 2026-01-01 00:00 UTC */

/* --- nodes -------------------------------------------------------------- */

int topo_find_node(struct reader *r, const char *name, unsigned *n)
{
	for (*n = 0; *n < r->t->nodes; ++*n)
		if (!strcmp(r->t->node[*n].name, name))
			return 0;
	return topo_fail(&r->at, "no node is called '%s' (up to this line)",
			 name);
}

static int add_node(struct reader *r, const char *name)
{
	for (unsigned i = 0; i < r->t->nodes; i++)
		if (!strcmp(r->t->node[i].name, name))
			return topo_fail(&r->at, "there is a node '%s' already",
					 name);
	if (strchr(name, ':') || strlen(name) > 31)
		return topo_fail(&r->at,
				 "'%s': a node's name has 31 "
				 "characters at the most, and no ':'",
				 name);
	if (!strcmp(name, "events"))
		return topo_fail(&r->at, "'events': events.log is the run's "
					 "own; expected another name");
	GROW(r->t->node, r->t->nodes)->name = xstrdup(name);
	return 0;
}

/* Braces that were probably to be filled in; others stay. */
static int judge_braces(struct reader *r, const char *word)
{
	static const char *const known[] = {"name", "index", NULL};
	size_t n = strspn(word + 1, "abcdefghijklmnopqrstuvwxyz");
	char *name = xasprintf("%.*s", (int)n, word + 1);
	const char *guess =
		word[n + 1] == '}' ? did_you_mean(name, known) : NULL;

	free(name);
	if (!guess)
		return 0;
	return topo_fail(&r->at, "unknown '%.*s'; did you mean '{%s}'?",
			 (int)n + 2, word, guess);
}

/* A word of a node's command line: {name} and {index} are filled in. */
static int add_word(struct reader *r, struct topo_node *n, size_t index,
		    const char *word)
{
	struct text t = {0};
	int err = 0;

	text_add(&t, "", 0);
	while (*word && !err) {
		if (starts_with(word, "{name}")) {
			text_printf(&t, "%s", n->name);
			word += 6;
		} else if (starts_with(word, "{index}")) {
			text_printf(&t, "%zu", index);
			word += 7;
		} else {
			err = *word == '{' ? judge_braces(r, word) : 0;
			text_add(&t, word++, 1);
		}
	}
	strv_add(&n->argv, t.s);
	text_free(&t);
	return err;
}

/* node LIST [start=TIME] PROGRAM [WORDS] */
static int read_node(struct reader *r)
{
	struct strv names = {0};
	uint64_t start = 0;
	size_t first = 2;
	char *path = NULL;
	int err;

	if (r->w.n > 2 && starts_with(r->w.v[2], "start=")) {
		if (topo_time(&r->at, "start", r->w.v[2] + 6, &start))
			return 1;
		first = 3;
	}
	if (r->w.n <= first)
		return topo_fail(&r->at, "expected: node NAMES [start=TIME] "
					 "PROGRAM [WORDS]");
	path = topo_program(&r->at, r->folder, r->w.v[first], r->cc);
	err = !path || topo_names(&r->at, r->w.v[1], &names);
	for (size_t i = 0; i < names.n && !err; i++) {
		struct topo_node *n;

		err = add_node(r, names.v[i]);
		if (err)
			break;
		n = &r->t->node[r->t->nodes - 1];
		n->start = start;
		n->program = xstrdup(path);
		for (size_t k = first; k < r->w.n && !err; k++)
			err = add_word(r, n, i, r->w.v[k]);
	}
	free(path);
	strv_free(&names);
	return err;
}

/* switch LIST */
static int read_switch(struct reader *r)
{
	struct strv names = {0};
	int err;

	if (r->w.n != 2)
		return topo_fail(&r->at, "expected: switch NAMES");
	err = topo_names(&r->at, r->w.v[1], &names);
	for (size_t i = 0; i < names.n && !err; i++) {
		err = add_node(r, names.v[i]);
		if (!err)
			r->t->node[r->t->nodes - 1].is_switch = true;
	}
	strv_free(&names);
	return err;
}

/* --- the run ------------------------------------------------------------ */

static int read_duration(struct reader *r)
{
	if (r->w.n != 2)
		return topo_fail(&r->at, "expected: duration TIME");
	if (r->t->duration)
		return topo_fail(&r->at, "there is a duration already");
	return topo_time(&r->at, "duration", r->w.v[1], &r->t->duration);
}

static int read_wall(struct reader *r)
{
	struct tm tm = {0};
	const char *end;
	time_t t = -1;

	if (r->w.n == 2) {
		end = strptime(r->w.v[1], "%Y-%m-%dT%H:%M:%SZ", &tm);
		t = end && !*end ? timegm(&tm) : -1;
	}
	if (t < 0 || t > (time_t)UINT32_MAX)
		return topo_fail(&r->at, "expected: wall "
					 "YYYY-MM-DDTHH:MM:SSZ, 1970 to 2106");
	r->t->wall = (uint64_t)t * 1000000000ull;
	return 0;
}

static const struct {
	const char *name;
	int (*read)(struct reader *r);
} statements[] = {
	{"node", read_node},         {"switch", read_switch},
	{"link", topo_link},         {"default", topo_default},
	{"at", topo_event},          {"wall", read_wall},
	{"duration", read_duration},
};

static int read_statement(struct reader *r)
{
	const char *names[ARRAY_SIZE(statements) + 1] = {NULL}, *guess;

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		if (!strcmp(statements[i].name, r->w.v[0]))
			return statements[i].read(r);
		names[i] = statements[i].name;
	}
	guess = did_you_mean(r->w.v[0], names);
	if (guess)
		return topo_fail(&r->at,
				 "unknown word '%s'; did you mean "
				 "'%s'?",
				 r->w.v[0], guess);
	return topo_fail(&r->at,
			 "unknown word '%s' (expected node, switch, "
			 "link, default, at, wall or duration)",
			 r->w.v[0]);
}

/* By time; those of one time stay in the order of the file. */
static void sort_events(struct topology *t)
{
	for (unsigned i = 1; i < t->events; i++) {
		struct topo_event e = t->event[i];
		unsigned k = i;

		for (; k && t->event[k - 1].at > e.at; k--)
			t->event[k] = t->event[k - 1];
		t->event[k] = e;
	}
}

/* An event that would never come is a mistake of the file's. */
static int judge_events(const struct topology *t)
{
	for (unsigned i = 0; t->duration && i < t->events; i++)
		if (t->event[i].at > t->duration)
			return fail("%s:%u: the run has ended by then "
				    "(duration)",
				    t->file, t->event[i].line);
	return 0;
}

static int read_lines(struct reader *r, char *text)
{
	char *next = text;
	int err = 0;

	while (!err && next) {
		r->line = next;
		next = strchr(next, '\n');
		if (next)
			*next++ = '\0';
		r->at.line++;
		err = topo_split(&r->at, r->line, &r->w);
		if (!err && r->w.n)
			err = read_statement(r);
		strv_free(&r->w);
	}
	if (!err && !r->t->nodes)
		err = fail("%s: there is no node in it", r->at.file);
	return err;
}

int topo_read(struct topology *t, const char *file, const struct strv *cc)
{
	struct reader r = {.t = t, .at = {.file = file}, .cc = cc};
	const char *slash = strrchr(file, '/');
	struct text text = {0};
	uint8_t *data;
	size_t size;
	int err = file_read(file, &data, &size);

	*t = (struct topology){.file = file,
			       .wall = WALL_DEFAULT * 1000000000ull};
	if (err)
		return fail("%s: %s", file, strerror(-err));
	text_add(&text, data, size);
	free(data);
	r.folder = slash ? xasprintf("%.*s", (int)(slash - file), file)
			 : xstrdup(".");
	sim_options_default(&r.options);
	if (memchr(text.s, '\0', size))
		err = fail("%s: not a text file", file);
	else
		err = read_lines(&r, text.s);
	if (!err)
		err = judge_events(t);
	if (!err)
		sort_events(t);
	free(r.folder);
	text_free(&text);
	return err;
}

void topo_free(struct topology *t)
{
	for (unsigned i = 0; i < t->nodes; i++) {
		struct topo_node *n = &t->node[i];

		for (unsigned k = 0; k < n->nets; k++)
			free(n->net_name[k]);
		free(n->net_name);
		free(n->net_mtu);
		free(n->name);
		free(n->program);
		strv_free(&n->argv);
	}
	for (unsigned i = 0; i < t->links; i++)
		free(t->link[i].name);
	for (unsigned i = 0; i < t->events; i++) {
		free(t->event[i].text);
		free(t->event[i].which);
		strv_free(&t->event[i].options);
	}
	free(t->node);
	free(t->link);
	free(t->event);
}
