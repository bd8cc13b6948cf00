/* SPDX-License-Identifier: ISC */
/*
 * The simulator's coordinator: one discrete-event loop over all nodes, links
 * and planned events of a topology.
 *
 *     sim.c          the command: options, one run or many
 *     sim_run.c      the loop; planned events
 *     sim_setup.c    what a run has before its first moment, and its end
 *     sim_summary.c  what a run came to
 *     sim_node.c     a node: start, turns, end
 *     sim_process.c  its process
 *     sim_console.c  what it prints
 *     sim_link.c     what a link does to a frame; switches
 *     sim_queue.c    what is to happen, in order of time
 *     sim_random.c   the generators, all from one number
 *     sim_topo.c     the file (sim_topo.h)
 *
 * The same number and topology are the same run, to the byte of every file
 * written. That rests on three rules: what happens at one moment happens in
 * the order in which it was put into the queue; nodes that run at one moment
 * run at the same time, but what they did is taken up in their order; and each
 * link and node has a generator of its own, so that one more node somewhere
 * does not change the luck of the others.
 */
#ifndef TOOL_SIM_H
#define TOOL_SIM_H

#include "sim_topo.h"

#include <stdio.h>
#include "unix/sim_wire.h"

#define SIM_NS_PER_S 1000000000ull
#define SIM_NEVER    UINT64_MAX

/* --- sim_random.c ------------------------------------------------------- */

struct sim_random {
	uint64_t state;
};

/* The generator of this name, in the run of this number. */
void sim_random_init(struct sim_random *r, uint64_t seed, const char *name);
uint64_t sim_random_u64(struct sim_random *r);
/* In [0, bound), bound > 0. */
uint64_t sim_random_below(struct sim_random *r, uint64_t bound);
/* True this often; a chance of 0 draws nothing. */
bool sim_random_chance(struct sim_random *r, uint64_t chance);

/* --- sim_queue.c -------------------------------------------------------- */

struct sim_frame {
	uint32_t size;
	uint8_t data[];
};

enum sim_kind {
	SIM_ARRIVAL, /* a frame at the far end of a link */
	SIM_WAKE,    /* a node's deadline; void unless `serial` is its last */
	SIM_START,   /* a node begins */
	SIM_PLANNED, /* an event of the topology */
};

struct sim_happening {
	uint64_t at, order; /* order: set by sim_queue_add */
	enum sim_kind kind;
	bool backward;           /* SIM_ARRIVAL: from the link's end 1 to 0 */
	unsigned which;          /* link, node or event */
	uint64_t serial;         /* SIM_WAKE */
	struct sim_frame *frame; /* SIM_ARRIVAL; owned */
};

struct sim_queue {
	struct sim_happening *heap;
	size_t n, room;
	uint64_t order;
};

void sim_queue_add(struct sim_queue *q, struct sim_happening h);
/* When the first is; SIM_NEVER for none. */
uint64_t sim_queue_next(const struct sim_queue *q);
struct sim_happening sim_queue_take(struct sim_queue *q);
void sim_queue_free(struct sim_queue *q);

/* --- links -------------------------------------------------------------- */

struct sim_count {
	uint64_t sent, delivered, bytes;     /* bytes: of those delivered */
	uint64_t lost, full, down, oversize; /* not delivered, and why */
	uint64_t reordered, duplicated, corrupted;
};

/* One direction of a link. */
struct sim_way {
	struct sim_random luck;
	uint64_t busy;    /* the line is free from then on */
	uint64_t latest;  /* arrival so far: later frames do not overtake */
	uint64_t *leaves; /* when each frame in the queue has left: a ring */
	size_t first, waiting, room;
	struct sim_count count;
};

struct sim_link {
	const struct topo_link *topo;
	struct sim_options o;  /* as planned events have changed them */
	struct sim_way way[2]; /* from end 0, from end 1 */
	bool cut;              /* by a partition */
	FILE *pcap;
};

/* --- nodes -------------------------------------------------------------- */

enum sim_state {
	NODE_WAITING, /* not started yet */
	NODE_RUNS,
	NODE_ENDED, /* by itself, status 0; or asked to, or crashed on plan */
	NODE_FAILED,
};

/* An interface's other side. */
struct sim_port {
	unsigned link, end;
};

struct sim_node {
	const struct topo_node *topo;
	unsigned index;
	enum sim_state state;
	unsigned lives;   /* how often started */
	struct strv wrap; /* the words before its program */
	struct sim_port *port;
	bool *told_up;               /* per interface: what the node knows */
	uint64_t wake;               /* serial of the SIM_WAKE that counts */
	uint64_t still_at, turns_at; /* turns at one moment, to find loops */

	pid_t pid;
	int fd, console;     /* -1: none */
	struct text in, out; /* a message to it; what has come from it */
	bool has_turn;       /* something has happened to it */
	struct sim_end end;
	bool has_end;

	FILE *log;
	struct text line; /* of its console, not ended yet */
	char *why;        /* NODE_FAILED: what happened */
	uint64_t failed_at, turns, lines;

	/* a switch: who was seen behind which port */
	struct sim_seen {
		uint8_t mac[6];
		unsigned net;
	} * seen;
	size_t n_seen;
};

/* What the command line asks for. */
struct sim_config {
	uint64_t seed;
	uint64_t duration; /* 0: as the topology says */
	uint64_t patience; /* real time for one turn, ns; 0: for ever */
	uint32_t snaplen;
	const char *out;    /* folder */
	struct strv wrap;   /* NODE=COMMAND: run this node by COMMAND */
	const char *replay; /* options that a repetition needs as well */
	bool pcap, quiet, verbose, keep_going;
};

struct sim {
	const struct topology *topo;
	const struct sim_config *config;
	uint64_t now;
	struct sim_queue queue;
	struct sim_node *node;
	struct sim_link *link;
	struct sim_node **turn; /* those that run at this moment */
	FILE *journal;
	unsigned failed; /* nodes */
	uint64_t turns, frames, in_flight;
};

/* --- sim_link.c --------------------------------------------------------- */

/* The link is there for frames: not down, not cut. */
bool sim_link_is_up(const struct sim_link *l);

/* End `end` of link number `n` sends these bytes now. */
void sim_link_send(struct sim *s, unsigned n, unsigned end, const void *data,
		   uint32_t size);

/* A frame has come to the far end; takes the frame. */
void sim_link_arrive(struct sim *s, const struct sim_happening *h);

/* --- sim_node.c --------------------------------------------------------- */

/* Starts the process; 0, or 1 after telling why not. */
int sim_node_start(struct sim *s, struct sim_node *n);

/* Tell the node, in its next turn, of this. */
void sim_node_record(struct sim_node *n, enum sim_type type, unsigned net,
		     const void *data, uint32_t size);

/*
 * A turn in three parts, so that many nodes run at the same time: begin it;
 * wait until it is over; and, if the node still runs then, do what it asks for.
 */
void sim_node_give(struct sim *s, struct sim_node *n);
void sim_node_await(struct sim *s, struct sim_node *n);
void sim_node_answer(struct sim *s, struct sim_node *n);

/* Ends the process at once, as a power cut would. */
void sim_node_kill(struct sim *s, struct sim_node *n);

/* --- sim_process.c ------------------------------------------------------ */

/* Its pid, fd and console; 0, or 1 after telling why not. */
int sim_process_start(struct sim_node *n);

/*
 * The status of a process that ends by itself in so many ms of real time, else
 * with force. Its console stays, for sim_console_finish.
 */
int sim_process_end(struct sim_node *n, int patience_ms);

/* --- sim_console.c ------------------------------------------------------ */

#define SIM_PRINT_MOST (64 << 20) /* bytes that a node may print in a turn */

/* Take out what was printed; lines go to the node's file. */
void sim_console_read(struct sim *s, struct sim_node *n);

/* The same when its process is gone: its last line may lack its end. */
void sim_console_finish(struct sim *s, struct sim_node *n);

/* Has it printed more in one turn than anybody would read? */
bool sim_console_floods(const struct sim_node *n);

/* A line of the simulator's own in the node's console file. */
void sim_node_note(struct sim *s, struct sim_node *n, const char *format, ...)
	TOOL_PRINTF(3, 4);

/* --- sim_summary.c ------------------------------------------------------ */

/* The short form to stdout, the long one to its file; 0 or 1 after telling. */
int sim_summarize(struct sim *s);

/* --- sim_setup.c -------------------------------------------------------- */

/* Files, nodes, links, and what is to happen; 0, or 1 after telling why not. */
int sim_begin(struct sim *s);

/* Ends all nodes and frees everything; 1 after telling what is not written. */
int sim_end(struct sim *s);

/* A file of the run; NULL after telling why not. */
FILE *sim_create(const struct sim_config *c, const char *name,
		 const char *extension);

/* Closes it, or nothing; 1 after telling that it could not be written. */
int sim_finish(const struct sim_config *c, FILE *f);

/* --- sim_run.c ---------------------------------------------------------- */

/*
 * One run: 0; 1 if a node failed; -1 after telling why it could not be run.
 * What it came to is printed unless config->quiet.
 */
int sim_run(const struct topology *t, const struct sim_config *config);

#endif
