/* SPDX-License-Identifier: ISC */
/*
 * Boot parameters, from the command line to the program's variables.
 * guest: args --size=3M --time 250ms -n -7 --flag --no-other word
 * guest: says ^size 3145728 time 250000000 n -7 flag 1 other 0 text  each $
 * guest: says ^argv fata/word$
 * guest: says ^line --size=3M --time 250ms -n -7 --flag --no-other word$
 * guest: says the info line
 * guest: again
 * guest: args --text='a "b" c' --each=x --each=y -- --size "two words" \\x
 * guest: says text a "b" c each xy$
 * guest: says ^argv fata/--size/two words/.x$
 * guest: again
 * guest: args --help
 * guest: exit 63
 * guest: says ^parameters - what it tests$
 * guest: says ^  --size=SIZE +bytes of something \(default 1M\)$
 * guest: says ^  --time=TIME +how long \(default 1s\)$
 * guest: says ^  -n INT +a number \(default 1\)$
 * guest: says ^  --\[no-\]flag +on or off \(default no\)$
 * guest: says ^  --each=VALUE +many times$
 * guest: says ^  --stack=SIZE
 * guest: says ^  --console-buffer=SIZE
 * guest: says ^  -l VALUE
 * guest: again
 * guest: args --size=banana
 * guest: exit 64
 * guest: says ^--size=banana: bad size
 * guest: again
 * guest: args --flag --flag
 * guest: exit 64
 * guest: says ^--flag: given twice$
 * guest: again
 * guest: args --sise=1M
 * guest: exit 64
 * guest: says ^--sise=1M: unknown parameter
 * guest: again
 * guest: args --size
 * guest: exit 64
 * guest: says ^--size: value missing
 * guest: again
 * guest: args one "two
 * guest: exit 64
 * guest: says quote " is not closed at byte 4
 * guest: again
 * guest: args --each=bad
 * guest: exit 64
 * guest: says ^--each=bad:
 * guest: again
 * guest: args -l test:error -n7
 * guest: says n 7 flag 0
 * guest: never the info line
 * guest: again
 * guest: args -l debug --console-buffer=1M --stack=128K --main-stack=256K
 * guest: says the debug line
 */
#include <errno.h>
#include <fata/boot.h>
#include <fata/log.h>
#include <fata/param.h>
#include <lib/guest.h>
#include <string.h>

FATA_NAME("parameters", "what it tests");
FATA_LOG_SOURCE("test");

static uint64_t size = 1 << 20, wait = 1000000000;
static int64_t number = 1;
static bool flag, other = true;
static const char *text = "";
static char each[8];

FATA_PARAM_SIZE(size, "size", "1M", "bytes of something");
FATA_PARAM_TIME(wait, "time", "1s", "how long");
FATA_PARAM_INT(number, "n", "1", "a number");
FATA_PARAM_BOOL(flag, "flag", "no", "on or off");
FATA_PARAM_BOOL(other, "other", "yes", "on or off");
FATA_PARAM_STRING(text, "text", "", "any text");

static int add(const char *value)
{
	if (strlen(value) != 1 || strlen(each) == sizeof(each) - 1)
		return -EINVAL;
	strcat(each, value);
	return 0;
}
FATA_PARAM_LIST(add, "each", "", "many times");

int main(int argc, char **argv)
{
	printf("size %llu time %llu n %lld flag %d other %d text %s each %s\n",
	       (unsigned long long)size, (unsigned long long)wait,
	       (long long)number, flag, other, text, each);
	printf("argv %s", argv[0]);
	for (int i = 1; i < argc; i++)
		printf("/%s", argv[i]);
	puts("");
	printf("line %s\n", boot_cmdline());
	log_info("the info line");
	log_debug("the debug line");
	return 0;
}
