/* SPDX-License-Identifier: ISC */
/*
 * `fata sim`: many programs in one virtual time, joined by simulated links.
 *
 * Many numbers are many runs, each a process of ours; they are started and
 * looked at in order, so that the first failure told is that of the least
 * number, however many run at a time.
 */
#include "domain.h"
#include "sim.h"

#include "core/parse.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
	"usage: fata sim [OPTIONS] TOPOLOGY\n"
	"Runs the nodes of a topology, programs made with `fata cc -t unix`,\n"
	"in one virtual time. The same number is the same run, to the byte.\n"
	"\n"
	"  --seed N             the number of the run (default: 1)\n"
	"  --seeds A..B         many runs; only their failures leave files\n"
	"  --until-failure      of many runs, the first that fails is the "
	"last\n"
	"  -j, --jobs N         of many runs, so many at a time\n"
	"  --cc=OPTION          for the compiler, of nodes that are C files\n"
	"  --duration TIME      virtual time; wins over the topology's\n"
	"  -o, --out FOLDER     for logs and captures (default: sim.out)\n"
	"  --no-pcap            no captures\n"
	"  --snaplen N          keep so many bytes of a frame in captures\n"
	"  --keep-going         do not end with the first node that fails\n"
	"  --patience TIME      real time that a node may run without waiting\n"
	"                       (default: 30s; 0: for ever, for a debugger)\n"
	"  --spread             let the nodes of a run use all CPUs; worth it\n"
	"                       only for nodes that compute much\n"
	"  --wrap NODE=COMMAND  run this node by COMMAND, a debugger say; "
	"what\n"
	"                       it prints is in the node's log; no patience\n"
	"  -v, --verbose        the nodes' consoles on stdout as well\n"
	"\n"
	"docs/sim.md describes topologies and what is written.\n";

enum {
	OPT_SEED = 256,
	OPT_SEEDS,
	OPT_UNTIL,
	OPT_DURATION,
	OPT_NO_PCAP,
	OPT_SNAPLEN,
	OPT_KEEP,
	OPT_PATIENCE,
	OPT_SPREAD,
	OPT_CC,
	OPT_WRAP,
};

static const struct option options[] = {
	{"seed", required_argument, NULL, OPT_SEED},
	{"seeds", required_argument, NULL, OPT_SEEDS},
	{"until-failure", no_argument, NULL, OPT_UNTIL},
	{"jobs", required_argument, NULL, 'j'},
	{"duration", required_argument, NULL, OPT_DURATION},
	{"out", required_argument, NULL, 'o'},
	{"no-pcap", no_argument, NULL, OPT_NO_PCAP},
	{"snaplen", required_argument, NULL, OPT_SNAPLEN},
	{"keep-going", no_argument, NULL, OPT_KEEP},
	{"patience", required_argument, NULL, OPT_PATIENCE},
	{"cc", required_argument, NULL, OPT_CC},
	{"wrap", required_argument, NULL, OPT_WRAP},
	{"spread", no_argument, NULL, OPT_SPREAD},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

struct command {
	struct sim_config config;
	uint64_t first, last, jobs;
	bool many, until_failure, spread;
	struct strv cc;
	struct text replay;
};

/*
 * A turn is handed from process to process and back; on one CPU that is twice
 * as fast as across two. Run number n takes the n-th of those that we have.
 */
static void take_cpu(const struct command *c, uint64_t n)
{
	cpu_set_t all, one;
	int which;

	if (c->spread || sched_getaffinity(0, sizeof(all), &all))
		return;
	n %= (uint64_t)CPU_COUNT(&all);
	for (which = 0; !CPU_ISSET(which, &all) || n--; which++)
		;
	CPU_ZERO(&one);
	CPU_SET(which, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/* --- many runs ---------------------------------------------------------- */

struct run {
	uint64_t seed;
	pid_t pid;
	char *out;
};

static int remove_folder(const char *path)
{
	char *argv[] = {"rm", "-rf", "--", (char *)path, NULL};

	return run_program(argv);
}

static int begin_run(const struct command *c, const struct topology *t,
		     struct run *r)
{
	struct sim_config config = c->config;

	config.seed = r->seed;
	config.quiet = true;
	config.pcap = false;
	r->out = xasprintf("%s/seed-%ju", c->config.out, (uintmax_t)r->seed);
	config.out = r->out;
	fflush(NULL);
	r->pid = fork();
	if (!r->pid) {
		take_cpu(c, r->seed);
		_exit(sim_run(t, &config) != 0);
	}
	return r->pid < 0 ? fail("cannot start a run: %s", strerror(errno)) : 0;
}

/* The first line FAILED of its summary, and how to see it again. */
static void show_failure(const struct run *r)
{
	char *path = xasprintf("%s/summary.txt", r->out);
	FILE *f = fopen(path, "re");
	const char *wanted = "FAILED";
	char line[4096];

	printf("seed %ju failed (%s)\n", (uintmax_t)r->seed, r->out);
	while (f && fgets(line, sizeof(line), f)) {
		if (!starts_with(line, wanted))
			continue;
		printf("  %s", line);
		wanted = "replay";
	}
	if (f)
		fclose(f);
	free(path);
	fflush(stdout);
}

/* Did it fail? */
static bool end_run(struct run *r, bool forget)
{
	int status = 0;

	if (forget)
		kill(r->pid, SIGKILL);
	while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status && !forget)
		show_failure(r);
	else
		remove_folder(r->out);
	free(r->out);
	return status;
}

/* Runs are a ring of c->jobs: the oldest is looked at first. */
static int run_many(const struct command *c, const struct topology *t)
{
	struct run *ring = xmalloc(c->jobs * sizeof(*ring));
	uint64_t next = c->first, oldest = c->first, runs = 0, failures = 0;
	bool stop = false;
	int err = 0;

	if (mkdir(c->config.out, 0777) && errno != EEXIST)
		err = fail("cannot create the folder %s: %s", c->config.out,
			   strerror(errno));
	while (!err && (oldest < next || (!stop && next <= c->last))) {
		if (!stop && next <= c->last && next - oldest < c->jobs) {
			ring[next % c->jobs].seed = next;
			err = begin_run(c, t, &ring[next % c->jobs]);
			next++;
			continue;
		}
		runs++;
		failures += end_run(&ring[oldest++ % c->jobs], false);
		stop = failures && c->until_failure;
		if (stop)
			while (oldest < next)
				end_run(&ring[oldest++ % c->jobs], true);
	}
	free(ring);
	if (!err)
		printf("%ju runs, %ju failed\n", (uintmax_t)runs,
		       (uintmax_t)failures);
	return err || failures;
}

/* --- one run ------------------------------------------------------------ */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run_one(const struct command *c, const struct topology *t)
{
	double from = seconds();
	int err;

	take_cpu(c, (uint64_t)getpid());
	err = sim_run(t, &c->config);
	if (err < 0)
		return 1;
	printf("files   %s/; took %.1f s\n", c->config.out, seconds() - from);
	return err;
}

/* --- the command line --------------------------------------------------- */

static int number(const char *what, const char *text, uint64_t least,
		  uint64_t most, uint64_t *v)
{
	if (!parse_uint(text, v) && *v >= least && *v <= most)
		return 0;
	return fail_usage("%s %s: expected a number from %ju to %ju", what,
			  text, (uintmax_t)least, (uintmax_t)most);
}

static int duration(const char *what, const char *text, uint64_t *v)
{
	if (!parse_time(text, v) && *v <= INT64_MAX)
		return 0;
	return fail_usage("%s %s: expected a time such as 10s or 1h", what,
			  text);
}

static int range(struct command *c, const char *text)
{
	const char *p = parse_digits(text, &c->first);

	c->many = true;
	if (p && starts_with(p, ".."))
		p = parse_digits(p + 2, &c->last);
	else
		p = NULL;
	if (p && !*p && c->first <= c->last && c->last < UINT64_MAX)
		return 0;
	return fail_usage("--seeds %s: expected two numbers such as 1..1000",
			  text);
}

static int option(struct command *c, int code, const char *value)
{
	struct sim_config *s = &c->config;
	uint64_t v;
	int err = 0;

	switch (code) {
	case OPT_SEED:
		return number("--seed", value, 0, UINT64_MAX, &s->seed);
	case OPT_SEEDS:
		return range(c, value);
	case OPT_UNTIL:
		c->until_failure = true;
		break;
	case 'j':
		return number("--jobs", value, 1, 1024, &c->jobs);
	case OPT_CC:
		strv_add(&c->cc, value);
		text_printf(&c->replay, " --cc=%s", value);
		break;
	case OPT_WRAP:
		if (!strchr(value, '=') || !strchr(value, '=')[1])
			return fail_usage("--wrap %s: expected NODE=COMMAND",
					  value);
		strv_add(&s->wrap, value);
		s->patience = 0;
		break;
	case OPT_DURATION:
		text_printf(&c->replay, " --duration %s", value);
		return duration("--duration", value, &s->duration);
	case 'o':
		s->out = value;
		break;
	case OPT_NO_PCAP:
		s->pcap = false;
		break;
	case OPT_SNAPLEN:
		err = number("--snaplen", value, 14, 262144, &v);
		s->snaplen = (uint32_t)v;
		break;
	case OPT_KEEP:
		s->keep_going = true;
		break;
	case OPT_PATIENCE:
		return duration("--patience", value, &s->patience);
	case OPT_SPREAD:
		c->spread = true;
		break;
	case 'v':
		s->verbose = true;
		break;
	}
	return err;
}

static int parse(struct command *c, int argc, char **argv)
{
	int code, err = 0;

	optind = 1;
	opterr = 0;
	while (!err && (code = getopt_long(argc, argv, ":hvj:o:", options,
					   NULL)) != -1) {
		if (code == '?' || code == ':')
			return bad_option(code, argv, options);
		if (code == 'h')
			return -1;
		err = option(c, code, optarg);
	}
	if (err)
		return err;
	if (optind != argc - 1)
		return fail_usage("expected one topology (fata help sim)");
	if (c->until_failure && !c->many)
		return fail_usage("--until-failure is for --seeds");
	return 0;
}

int cmd_sim(int argc, char **argv)
{
	struct command c = {
		.config = {.seed = 1,
			   .patience = 30 * SIM_NS_PER_S,
			   .snaplen = 262144,
			   .out = "sim.out",
			   .pcap = true},
		.jobs = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN),
	};
	struct topology t;
	int err = parse(&c, argc, argv);

	if (err < 0)
		return help(usage);
	if (err)
		return err;
	c.config.replay = c.replay.s ? c.replay.s : "";
	err = topo_read(&t, argv[optind], &c.cc);
	if (!err)
		err = c.many ? run_many(&c, &t) : run_one(&c, &t);
	topo_free(&t);
	strv_free(&c.cc);
	strv_free(&c.config.wrap);
	text_free(&c.replay);
	return err;
}
