/* SPDX-License-Identifier: ISC */
/*
 * The simulated Xen: runs the real src/core, src/xen and src/drivers on the
 * host against a hypervisor, a xenstore and peers that a test controls.
 *
 * Time is virtual. It moves on by a little at each hypercall and each look at
 * the clock, and jumps to the next thing to happen when the guest sleeps. What
 * happens is a queue of actions (sim_after). All chance comes from one 64-bit
 * seed: the same seed replays the same run, step by step.
 *
 * A machine (struct sim) has domains (struct sim_domain). A domain is either a
 * guest, whose code runs here, or a peer, which is a set of callbacks of the
 * test. The code under test keeps its state in its own variables, of which a
 * process has one set: so there is one guest for each copy of that code, and
 * sim_guest tells the glue (hypercalls, platform) which it is.
 * docs/simulator.md says how a process runs more than one.
 *
 * Interface: a test's group setup calls sim_boot; its functions then run as
 * the guest's first task and may block. sim_runs repeats a function over many
 * seeds and over the n-th failure of everything.
 */
#ifndef SIM_H
#define SIM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fata/base.h>
#include <fata/page.h>
#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/hvm/params.h>

/* --- the machine ------------------------------------------------------------
 */

/* What can be made to fail. */
enum sim_fail {
	SIM_FAIL_ALLOC,     /* heap_alloc, page_alloc: no memory */
	SIM_FAIL_HYPERCALL, /* -ENOMEM, -EBUSY, ... or a status of its own */
	SIM_FAIL_REPLY,     /* xenstore answers with an error */
	SIM_FAILS,
};

struct sim_action {
	uint64_t time, order;
	void (*fn)(void *arg);
	void *arg;
};

struct sim {
	uint64_t seed, rng;
	uint64_t now; /* virtual ns */
	uint64_t order;
	struct sim_action *actions; /* a heap by (time, order) */
	unsigned int n_actions, room;
	struct sim_domain *domains;
	struct sim_xenstore *xenstore;
	/* one in `step_chance` steps runs a due action or `hostile`; 0: none */
	unsigned int step_chance;
	void (*hostile)(void *arg);
	void *hostile_arg;
	bool stepping;
	/* the n-th call from now fails; 0: none. Counted in `calls`. */
	uint64_t fail_at[SIM_FAILS], calls[SIM_FAILS];
	/* one in so many calls fails; 0: none */
	unsigned int fail_chance[SIM_FAILS];
	bool failed;       /* something was made to fail */
	int fail_status;   /* what a failing grant operation says; 0: any */
	unsigned int idle; /* sleeps in succession in which nothing happened */
	uint64_t hypercalls, events, runs;
};

extern struct sim sim;

/* A new machine with this seed; dom0 exists. */
void sim_start(uint64_t seed);

/* Chance: 64 bits; below n; one in n. */
uint64_t sim_random(void);
uint64_t sim_below(uint64_t n);
bool sim_chance(unsigned int n);

/* Call fn(arg) when `ns` of virtual time have passed. */
void sim_after(uint64_t ns, void (*fn)(void *arg), void *arg);

/* Drop all actions with this argument (its owner is gone). */
void sim_forget(void *arg);

/* Run the actions that are due; let `ns` pass and run them. */
void sim_run_due(void);
void sim_pass(uint64_t ns);

/* Somebody else may run here (xen/shared.h). */
void sim_step(void);

/* Should this call fail? Counts it. */
bool sim_fails(enum sim_fail what);

/* Stop with a message and the seed. Nothing of the run can go on. */
__attribute__((noreturn)) void sim_die(const char *format, ...)
	FATA_PRINTF(1, 2);

/* A test's check: says the seed when it fails. */
#define CHECK(cond)                                                            \
	do {                                                                   \
		if (!(cond))                                                   \
			sim_check_failed(__FILE__, __LINE__, #cond);           \
	} while (0)
__attribute__((noreturn)) void sim_check_failed(const char *file, int line,
						const char *what);

/* --- domains ----------------------------------------------------------------
 */

enum sim_port_state {
	SIM_PORT_FREE,
	SIM_PORT_UNBOUND, /* `remote` may connect */
	SIM_PORT_BOUND,   /* to remote's port remote_port */
	SIM_PORT_VIRQ,
	SIM_PORT_IPI,
};

struct sim_port {
	enum sim_port_state state;
	struct sim_domain *remote;
	uint32_t remote_port;
	unsigned int virq;
	bool pending; /* a peer's: an action is on its way */
	unsigned int priority;
	uint32_t linked; /* fifo: in a queue */
	/* a peer's handler */
	void (*fn)(void *arg);
	void *arg;
	struct sim_domain *domain;
};

/* How often an entry of a grant table is mapped. */
struct sim_pin {
	unsigned int readers, writers;
};

/* A mapping that a guest made. */
struct sim_map {
	struct sim_domain *owner; /* NULL: free */
	uint32_t ref;
	bool readonly;
	void *address;
};

#define SIM_PORTS        131072
#define SIM_RAM_PAGES    16384
#define SIM_WINDOW_PAGES 16384

struct sim_domain {
	struct sim_domain *next;
	uint16_t id;
	bool guest;
	/* memory: RAM, then pages of Xen's (shared info, grant tables) */
	int fd;
	unsigned char *ram; /* as the domain sees it */
	unsigned char *xen; /* Xen's pages, as Xen sees them */
	unsigned char *window;
	size_t window_used;
	unsigned char *ram_state; /* per page, see sim_memory.c */
	/* event channels */
	struct sim_port *ports;
	uint32_t ports_used; /* no port from here on was ever used */
	struct sim_fifo *fifo;
	/* grants */
	unsigned int gnt_version, gnt_frames, gnt_max, gnt_status;
	struct sim_pin *pins;
	struct sim_map *maps;
	unsigned int n_maps, maps_used, maptrack_max;
	/* the rest */
	uint64_t hvm_params[HVM_NR_PARAMS];
	uint64_t timer; /* generation of the singleshot timer */
	int ended;      /* enum end_reason, or -1 */
	int end_status;
	jmp_buf *end_jump; /* where platform_end goes */
	/* what SCHEDOP_shutdown(suspend) does: returns its result */
	int (*suspend)(struct sim_domain *d);
	struct sim_console *console;
	struct sim_xs_ring *xs;
	size_t heap_live, pages_live; /* what the guest has allocated */
	uint64_t ballooned;           /* pages given back */
};

/* The guest whose code this process runs. */
extern struct sim_domain *sim_guest;

struct sim_domain *sim_domain_new(uint16_t id, bool guest);
struct sim_domain *sim_domain(uint16_t id);
#define SIM_DOM0 (sim_domain(0))

/* The domain is destroyed: its ports close, its mappings end. */
void sim_domain_die(struct sim_domain *d);

/* Boot the guest as domain `id`: its memory, tasks, events, clock, console. */
void sim_boot(uint16_t id);

/* Call fn until the guest ends; the reason (end.h). */
int sim_until_end(void (*fn)(void));

/* Let the guest's loop run for `ns` (the caller is a task of it). */
void sim_sleep(uint64_t ns);

/* --- memory ------------------------------------------------------------------
 */

struct shared_info *sim_shared(struct sim_domain *d);

/* Zeroed pages of a peer; the simulator's view is the peer's view. */
void *sim_pages(struct sim_domain *d, unsigned int n);

/* The memory behind a frame number of d, or NULL. */
void *sim_frame(struct sim_domain *d, uint64_t frame);

/* Its offset in d's file, or -1. */
long sim_frame_offset(struct sim_domain *d, uint64_t frame);

/* --- event channels ------------------------------------------------------- */

/* As the hypercalls, for any domain. A port, 0, or a negative errno. */
int sim_evtchn_unbound(struct sim_domain *d, uint16_t remote);
int sim_evtchn_bind(struct sim_domain *d, uint16_t remote, uint32_t port);
int sim_evtchn_send(struct sim_domain *d, uint32_t port);
int sim_evtchn_close(struct sim_domain *d, uint32_t port);

/* A peer's handler; called some µs after each signal. */
void sim_evtchn_on(struct sim_domain *d, uint32_t port, void (*fn)(void *arg),
		   void *arg);

/* Raise a VIRQ of a guest. */
void sim_virq(struct sim_domain *d, unsigned int virq);

/* Raise a port, whoever is at the other end. */
void sim_evtchn_raise(struct sim_domain *d, uint32_t port);

/* Ports of d that are open. */
unsigned int sim_evtchn_open(struct sim_domain *d);

/* --- grants --------------------------------------------------------------- */

/*
 * Peer d maps (d's grant table entry is checked as Xen does): the owner's
 * memory, or NULL with *status set (GNTST_*). Unmapping is up to the test.
 */
void *sim_grant_map(struct sim_domain *d, struct sim_domain *owner,
		    uint32_t ref, bool readonly, int *status);
void sim_grant_unmap(struct sim_domain *owner, uint32_t ref, bool readonly);

/* Peer d lets `to` map its page; the reference. */
uint32_t sim_grant_offer(struct sim_domain *d, uint16_t to, void *page,
			 bool readonly);

/* Withdraw it: 0 or -EBUSY while it is mapped. */
int sim_grant_withdraw(struct sim_domain *d, uint32_t ref);

/* Entries of d's table that grant something; that are mapped; d's mappings. */
unsigned int sim_grants_active(struct sim_domain *d);
unsigned int sim_grants_pinned(struct sim_domain *d);
unsigned int sim_maps(struct sim_domain *d);

/* --- xenstore ------------------------------------------------------------- */

/* As dom0. Relative paths are under /local/domain/0. NULL: none. */
const char *sim_xs_read(const char *path);
void sim_xs_write(const char *path, const char *value);
void sim_xs_rm(const char *path);

/* "n1", "r5", ...: the owner with the default, then others. */
void sim_xs_perms(const char *path, const char *const *perms, unsigned int n);

/* Call fn when something at or below path changes (dom0's watch). */
void sim_xs_watch(const char *path, void (*fn)(void *arg, const char *path),
		  void *arg);

/*
 * What Linux's backends do when a frontend's state changes: the state that one
 * in state `own` takes, or 0 for none. `ready`: the frontend's, at which this
 * kind of backend connects.
 */
int sim_back_state(int front, int own, int ready);

/*
 * As the toolstack: a device of domain 5 with the folders and keys that every
 * kind has. `changed` is told, from then on, of all below the domain's devices.
 * Keys of the kind come between the two calls; the second says that both ends
 * begin, the backend (of the domain that its path says) in `state`.
 */
void sim_device_make(const char *front, const char *back,
		     void (*changed)(void *arg, const char *path));
void sim_device_begin(const char *front, const char *back, int state);

/* Connect a guest's ring, as xenstored does at its introduction. */
void sim_xs_introduce(struct sim_domain *d);

/* Watches that the guest has; transactions that it has open. */
unsigned int sim_xs_watches(struct sim_domain *d);
unsigned int sim_xs_transactions(struct sim_domain *d);

void sim_xs_unwatch(void *arg);

/* The daemon stops answering; goes on. */
void sim_xs_pause(bool paused);

/* The page and port of a guest's connection, for xs_init. */
struct xenstore_domain_interface;
struct xenstore_domain_interface *sim_xs_page(struct sim_domain *d);
uint32_t sim_xs_port(struct sim_domain *d);

/*
 * What a broken or hostile daemon does to one in `chance` of its messages
 * (0: stop that again).
 */
enum sim_xs_fault {
	SIM_XS_LOSE,    /* no answer at all */
	SIM_XS_TWICE,   /* the answer comes again */
	SIM_XS_REQ_ID,  /* an answer to nothing */
	SIM_XS_TYPE,    /* of another type */
	SIM_XS_LENGTH,  /* announces more than 4096 bytes */
	SIM_XS_INDEX,   /* ring indices that cannot be */
	SIM_XS_GARBAGE, /* an event that is no event */
	SIM_XS_FAULTS,
};
void sim_xs_fault(enum sim_xs_fault fault, unsigned int chance);

/*
 * The daemon restarts: watches, transactions and requests are forgotten, and it
 * says so by the page's error; only a guest begins a reconnection.
 */
void sim_xs_restart(void);

/* It loses d's transactions, and tells nobody: an update by force. */
void sim_xs_lose(struct sim_domain *d);

/* --- console -------------------------------------------------------------- */

/* Connect; what the guest writes is kept. */
void sim_console_start(struct sim_domain *d);
const char *sim_console_text(struct sim_domain *d);
void sim_console_clear(struct sim_domain *d);
void sim_console_type(struct sim_domain *d, const char *text);
void sim_console_pause(struct sim_domain *d, bool paused);

/* The shared page, and a signal without a reason, for lies. */
struct xencons_interface;
struct xencons_interface *sim_console_ring(struct sim_domain *d);
void sim_console_kick(struct sim_domain *d);

/* --- many runs ------------------------------------------------------------ */

/*
 * Call fn with seeds, from SEED (environment; default 1) on, RUNS times
 * (environment; default `runs`, or TIMES as many). After each call nothing may
 * be left: events, grants, mappings, memory. SEED alone runs just that one.
 */
void sim_runs(uint64_t runs, void (*fn)(void));

/*
 * Call fn with the first, second, third ... call of one kind failing, until a
 * call of it passes untouched. Nothing may be left each time.
 */
void sim_nth(enum sim_fail what, void (*fn)(void));

/*
 * The same, each call in a guest that has only just booted (by sim_setup, in a
 * process of its own), so that the first use of everything fails too. For
 * groups without a setup.
 */
void sim_nth_fresh(enum sim_fail what, void (*fn)(void));

/* For group setups: sim_boot of domain 5, as cmocka wants it. */
int sim_setup(void **state);

#endif
