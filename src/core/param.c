/* SPDX-License-Identifier: ISC */
/*
 * Boot parameters: what stands in the linker section fata_params is matched
 * with the words of the command line, once, before main.
 *
 * Interface: core/param.h. Words that are no parameters keep their order. The
 * first thing that is wrong ends the work with one line; parameters before it
 * may then have been set, which does not matter, because the program never
 * starts.
 */
#include "core/param.h"

#include "core/fmt.h"
#include "core/parse.h"

#include <errno.h>
#include <fata/log.h>
#include <fata/param.h>
#include <stdarg.h>
#include <string.h>

FATA_LOG_SOURCE("param");

typedef void output(const char *text, size_t n);

extern struct param __start_fata_params[];
extern struct param __stop_fata_params[];

/* From the program, if it says anything: param.h, manifest.h. */
extern const enum param_unknown fata_param_unknown __attribute__((weak));
extern const char *const fata_program[2] __attribute__((weak));

/* How each type is shown in the help, called in errors, and written. */
static const struct {
	const char *sign, *noun, *expected;
} types[] = {
	[PARAM_BOOL] = {"", "choice", "yes or no"},
	[PARAM_INT] = {"INT", "number", "a whole number"},
	[PARAM_UINT] = {"UINT", "number", "a whole number, 0 or more"},
	[PARAM_SIZE] = {"SIZE", "size", "bytes with K, M or G"},
	[PARAM_TIME] = {"TIME", "time", "a number with ns, us, ms, s, m or h"},
	[PARAM_STRING] = {"TEXT", "text", "text"},
	[PARAM_LIST] = {"VALUE", "value", "a value"},
};

/* One word of the command line taken apart. */
struct word {
	struct param *param;
	const char *text;  /* all of it, for messages */
	const char *value; /* what stands in it, or NULL */
	bool no;           /* --no-flag */
};

static char reason[320]; /* what param_bad said */

int param_bad(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fmt_v(reason, sizeof(reason), format, args);
	va_end(args);
	return -EINVAL;
}

/* --- one line out ---------------------------------------------------- */

/* The command line came from outside: it must not steer a terminal. */
static void say(output *out, const char *format, ...) FATA_PRINTF(2, 3);

static void say(output *out, const char *format, ...)
{
	char line[512];
	va_list args;
	size_t n;

	va_start(args, format);
	n = fmt_v(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	out(line, n);
}

/* "--name" or "-n". */
static const char *dashes(const struct param *p)
{
	return p->name[1] ? "--" : "-";
}

/* --- help ------------------------------------------------------------ */

static void help_one(const struct param *p, output *out)
{
	char left[64];

	if (p->type == PARAM_BOOL)
		fmt(left, sizeof(left), "--[no-]%s", p->name);
	else
		fmt(left, sizeof(left), "%s%s%s%s", dashes(p), p->name,
		    p->name[1] ? "=" : " ", types[p->type].sign);
	if (*p->fallback)
		say(out, "  %-24s %s (default %s)", left, p->help, p->fallback);
	else
		say(out, "  %-24s %s", left, p->help);
}

/* The parameter whose name is the next after `name` in the alphabet. */
static const struct param *next_param(const char *name)
{
	const struct param *best = NULL;

	for (struct param *p = __start_fata_params; p < __stop_fata_params; p++)
		if (strcmp(p->name, name) > 0 &&
		    (!best || strcmp(p->name, best->name) < 0))
			best = p;
	return best;
}

static int help(const char *argv0, output *out)
{
	const struct param *p;

	if (fata_program)
		say(out, "%s - %s", fata_program[0], fata_program[1]);
	else
		say(out, "%s", argv0 ? argv0 : "unikernel");
	say(out, "Boot parameters (other words are the program's own):");
	for (p = next_param(""); p; p = next_param(p->name))
		help_one(p, out);
	say(out, "  %-24s this list", "--help");
	say(out, "SIZE: %s; TIME: %s", types[PARAM_SIZE].expected,
	    types[PARAM_TIME].expected);
	return PARAM_HELP;
}

/* --- setting one ----------------------------------------------------- */

static int set_bool(const struct word *w, const char *value)
{
	bool *b = w->param->value;

	if (!value || !strcmp(value, "yes"))
		*b = !w->no;
	else if (!strcmp(value, "no"))
		*b = false;
	else
		return -EINVAL;
	return 0;
}

static int set_value(const struct word *w, const char *value)
{
	void *p = w->param->value;

	switch (w->param->type) {
	case PARAM_BOOL:
		return set_bool(w, value);
	case PARAM_INT:
		return parse_int(value, p);
	case PARAM_UINT:
		return parse_uint(value, p);
	case PARAM_SIZE:
		return parse_size(value, p);
	case PARAM_TIME:
		return parse_time(value, p);
	case PARAM_STRING:
		*(const char **)p = value;
		return 0;
	case PARAM_LIST:
		return ((int (*)(const char *))p)(value);
	}
	return -EINVAL;
}

/* `value` is NULL for a bare flag. */
static int set(const struct word *w, const char *value, output *out)
{
	struct param *p = w->param;

	if (p->given && p->type != PARAM_LIST) {
		say(out, "%s%s: given twice", dashes(p), p->name);
		return PARAM_BAD;
	}
	p->given = true;
	*reason = '\0';
	if (!set_value(w, value))
		return 0;
	if (*reason)
		say(out, "%s%s%s%s: %s", dashes(p), p->name,
		    p->name[1] ? "=" : " ", value, reason);
	else
		say(out, "%s%s%s%s: bad %s (expected %s)", dashes(p), p->name,
		    p->name[1] ? "=" : " ", value, types[p->type].noun,
		    types[p->type].expected);
	return PARAM_BAD;
}

/* --- finding it ------------------------------------------------------ */

static struct param *find(const char *name, size_t n)
{
	for (struct param *p = __start_fata_params; p < __stop_fata_params; p++)
		if (!strncmp(p->name, name, n) && !p->name[n])
			return p;
	return NULL;
}

/* --name, --name=value, --no-flag, -x, -xvalue */
static struct word read_word(const char *text)
{
	struct word w = {.text = text};
	const char *name = text + 2, *equals;
	size_t n;

	if (text[1] != '-') {
		w.param = find(text + 1, 1);
		w.value = text[2] ? text + 2 : NULL;
		return w;
	}
	equals = strchr(name, '=');
	n = equals ? (size_t)(equals - name) : strlen(name);
	w.value = equals ? equals + 1 : NULL;
	w.param = n ? find(name, n) : NULL;
	if (!w.param && !equals && !strncmp(name, "no-", 3)) {
		w.param = find(name + 3, n - 3);
		w.no = w.param && w.param->type == PARAM_BOOL;
		if (!w.no)
			w.param = NULL;
	}
	return w;
}

static int unknown(const char *text, output *out)
{
	say(out, "%s: unknown parameter (--help lists those that there are)",
	    text);
	return PARAM_BAD;
}

/* A word that begins like a parameter: not "-" itself, nor a number. */
static bool is_option(const char *text)
{
	return text[0] == '-' && text[1] && (text[1] < '0' || text[1] > '9');
}

int param_apply(int *argc, char **argv, output *out)
{
	enum param_unknown policy =
		&fata_param_unknown ? fata_param_unknown : PARAM_UNKNOWN_REJECT;
	int kept = *argc > 0, err = 0, i = kept;

	for (; i < *argc && !err; i++) {
		struct word w;

		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		if (!is_option(argv[i])) {
			argv[kept++] = argv[i];
			continue;
		}
		w = read_word(argv[i]);
		if (w.param && !w.value && w.param->type != PARAM_BOOL) {
			if (i + 1 < *argc) {
				err = set(&w, argv[++i], out);
				continue;
			}
			say(out, "%s: value missing (expected %s)", w.text,
			    types[w.param->type].expected);
			err = PARAM_BAD;
		} else if (w.param) {
			err = set(&w, w.value, out);
		} else if (!strcmp(w.text, "--help")) {
			err = help(argv[0], out);
		} else if (policy == PARAM_UNKNOWN_PASS) {
			argv[kept++] = argv[i];
		} else if (policy == PARAM_UNKNOWN_IGNORE) {
			log_warn("%s: unknown parameter ignored", w.text);
		} else {
			err = unknown(w.text, out);
		}
	}
	while (i < *argc && !err)
		argv[kept++] = argv[i++];
	*argc = kept;
	argv[kept] = NULL;
	return err;
}
