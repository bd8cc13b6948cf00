/* SPDX-License-Identifier: ISC */
/*
 * A topology: the nodes, links and planned events that `fata sim` reads from a
 * file (docs/sim.md has its grammar).
 *
 *     sim_words.c   lines into words, lists of names
 *     sim_option.c  options of links
 *     sim_program.c programs, compiled if need be
 *     sim_topo.c    statements: nodes, links
 *     sim_event.c   statements: planned events
 *
 * Interface: a mistake is told as one line `FILE:LINE: what is wrong`; the
 * functions that can meet one return 0, or 1 after telling it.
 */
#ifndef TOOL_SIM_TOPO_H
#define TOOL_SIM_TOPO_H

#include "tool.h"

#define SIM_NODES_MOST 10000
#define SIM_NETS_MOST  1024 /* interfaces of one node */

/* Chances are out of this; 0.0000001% is the least. */
#define SIM_CERTAIN 1000000000ull

/* How a link treats frames, the same in both directions. Times are in ns. */
struct sim_options {
	uint64_t rate;   /* bits a second; 0: frames take no time to send */
	uint64_t delay;  /* from the last bit sent to the last one received */
	uint64_t jitter; /* up to this much more, evenly; keeps the order */
	uint64_t late;   /* how much later a reordered frame comes */
	uint64_t queue;  /* frames that wait to be sent, at the most */
	uint64_t mtu;
	uint64_t loss, reorder, duplicate, corrupt; /* out of SIM_CERTAIN */
	bool down, pcap;
};

struct sim_end_of_link {
	unsigned node, net;
};

struct topo_link {
	char *name; /* A--B, of its two nodes; A--B.2 for the second such */
	struct sim_end_of_link end[2];
	struct sim_options o;
};

struct topo_node {
	char *name;
	bool is_switch;
	char *program;    /* its path */
	struct strv argv; /* its words, from the program's name on */
	uint64_t start;
	unsigned nets;
	char **net_name; /* one for each interface */
	uint64_t *net_mtu;
};

enum topo_action {
	TOPO_PARTITION,
	TOPO_HEAL,
	TOPO_CRASH,
	TOPO_STOP,
	TOPO_RESTART,
	TOPO_LINK,
};

struct topo_event {
	uint64_t at;
	unsigned line; /* of the file */
	enum topo_action action;
	char *text;      /* as it stands in the file, for the journal */
	unsigned n;      /* nodes or links */
	unsigned *which; /* their numbers; of a partition: each node's group, */
	unsigned rest;   /* and that of nodes whose line comes later */
	struct strv options; /* of TOPO_LINK, to be read when it is time */
};

struct topology {
	const char *file;
	uint64_t duration; /* 0: until nothing can happen any more */
	uint64_t wall;     /* of time 0, ns since 1970 */
	struct topo_node *node;
	unsigned nodes;
	struct topo_link *link;
	unsigned links;
	struct topo_event *event; /* in order of time, then of the file */
	unsigned events;
};

/* C files among the programs are compiled, with the options `cc`. */
int topo_read(struct topology *t, const char *file, const struct strv *cc);
void topo_free(struct topology *t);

/* --- sim_words.c -------------------------------------------------------- */

/* Where a mistake is. */
struct topo_place {
	const char *file;
	unsigned line;
};

int topo_fail(const struct topo_place *at, const char *format, ...)
	TOOL_PRINTF(2, 3);

/* A line's words, as a shell would see them; # begins a comment. */
int topo_split(const struct topo_place *at, const char *line, struct strv *w);

/* `a,b[0-9]` as a list of names. */
int topo_names(const struct topo_place *at, const char *list, struct strv *n);

/* A time such as 10ms or 1h, `what` naming it in a message. */
int topo_time(const struct topo_place *at, const char *what, const char *text,
	      uint64_t *ns);

/* --- sim_program.c ------------------------------------------------------ */

/*
 * The program of this name, looked for from `folder`: its path, or NULL after
 * telling what is wrong. A C file is compiled once for all nodes.
 */
char *topo_program(const struct topo_place *at, const char *folder,
		   const char *name, const struct strv *cc);

/* --- sim_option.c ------------------------------------------------------- */

void sim_options_default(struct sim_options *o);

/* One `key=value`, or `up`, `down`. */
int topo_option(const struct topo_place *at, const char *word,
		struct sim_options *o);

#endif
