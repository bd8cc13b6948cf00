/* SPDX-License-Identifier: ISC */
/*
 * Boot parameters: typed, declared next to the variable that they tune.
 *
 *     static uint64_t cache = 1 << 20;
 *     FATA_PARAM_SIZE(cache, "cache", "1M", "bytes of cache");
 *
 * On the command line: --cache=2M, --cache 2M; booleans --flag, --no-flag or
 * --flag=yes|no. `--` ends the parameters. The words that are no parameters
 * become main's argv, quoted as a shell does ('...', "...", backslash).
 * --help prints all parameters and ends with status 63; a bad value, or a
 * parameter given twice, names the parameter and ends with status 64.
 * A parameter exists in an image only if the file that declares it is linked.
 */
#ifndef FATA_PARAM_H
#define FATA_PARAM_H

#include <fata/manifest.h>

/* What a value is, and the C type of its variable. */
enum param_type {
	PARAM_BOOL,   /* bool */
	PARAM_INT,    /* int64_t */
	PARAM_UINT,   /* uint64_t */
	PARAM_SIZE,   /* uint64_t: bytes with K, M, G */
	PARAM_TIME,   /* uint64_t: nanoseconds; a number with ns us ms s m h */
	PARAM_STRING, /* const char *, valid for ever */
	PARAM_LIST,   /* int (*)(const char *value): called once per use */
};

/* One parameter; made by the macros below, found through its section. */
struct param {
	const char *name; /* without the dashes; one letter: also `-x value` */
	enum param_type type;
	void *value; /* of the C type that is listed above */
	const char *fallback, *help;
	bool given; /* private: seen on the command line */
};

/* Private: what the macros below are made of. */
#define FATA_PARAM_(type_, tag, var, name_, fallback_, help_)                  \
	static struct param FATA_NOTE_PASTE(fata_param_, __COUNTER__)          \
		__attribute__((section("fata_params"), aligned(8), used)) = {  \
			.name = name_,                                         \
			.type = type_,                                         \
			.value = (void *)&(var),                               \
			.fallback = fallback_,                                 \
			.help = help_,                                         \
			.given = false};                                       \
	FATA_NOTE(FATA_NOTE_PARAM, name_ "\0" tag "\0" fallback_ "\0" help_)

/*
 * The variable keeps its initial value unless the parameter is given;
 * `fallback` is only what --help shows as the default.
 */
#define FATA_PARAM_BOOL(var, name, fallback, help)                             \
	FATA_PARAM_(PARAM_BOOL, "bool", var, name, fallback, help)
#define FATA_PARAM_INT(var, name, fallback, help)                              \
	FATA_PARAM_(PARAM_INT, "int", var, name, fallback, help)
#define FATA_PARAM_UINT(var, name, fallback, help)                             \
	FATA_PARAM_(PARAM_UINT, "uint", var, name, fallback, help)
#define FATA_PARAM_SIZE(var, name, fallback, help)                             \
	FATA_PARAM_(PARAM_SIZE, "size", var, name, fallback, help)
#define FATA_PARAM_TIME(var, name, fallback, help)                             \
	FATA_PARAM_(PARAM_TIME, "time", var, name, fallback, help)
#define FATA_PARAM_STRING(var, name, fallback, help)                           \
	FATA_PARAM_(PARAM_STRING, "string", var, name, fallback, help)

/* A parameter that may be given many times: fn returns 0 or -EINVAL. */
#define FATA_PARAM_LIST(fn, name, fallback, help)                              \
	FATA_PARAM_(PARAM_LIST, "list", fn, name, fallback, help)

/* What becomes of an unknown --word: an error (the default), ... */
enum param_unknown {
	PARAM_UNKNOWN_REJECT,
	PARAM_UNKNOWN_IGNORE, /* ... dropped, with a warning in the log, ... */
	PARAM_UNKNOWN_PASS,   /* ... or left in argv. */
};

/* As they stand in the note (manifest.h). */
#define FATA_PARAM_WORD_REJECT "reject"
#define FATA_PARAM_WORD_IGNORE "ignore"
#define FATA_PARAM_WORD_PASS   "pass"

/* The program's choice, once, at file scope: REJECT, IGNORE or PASS. */
#define FATA_PARAM_UNKNOWN(choice)                                             \
	FATA_NOTE(FATA_NOTE_UNKNOWN, FATA_PARAM_WORD_##choice);                \
	extern const enum param_unknown fata_param_unknown;                    \
	const enum param_unknown fata_param_unknown = PARAM_UNKNOWN_##choice

#endif
