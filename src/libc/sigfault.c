/* SPDX-License-Identifier: ISC */
/*
 * Faults of the program's own code become signals, for those that it handles;
 * others end the guest (arch/x86_64/traps.c).
 */
#include <arch/x86_64/context.h>
#include <arch/x86_64/regs.h>
#include <arch/x86_64/traps.h>
#include <fata/task.h>
#include <libc/signal.h>
#include <libc/thread.h>
#include <string.h>

static int signal_of(const struct trap_frame *r, int *code)
{
	switch (r->vector) {
	case 0:
		*code = 1; /* FPE_INTDIV */
		return SIGFPE;
	case 3:
		*code = 1; /* TRAP_BRKPT */
		return SIGTRAP;
	case 6:
		*code = 2; /* ILL_ILLOPN */
		return SIGILL;
	case 14:
		*code = r->error & PF_PRESENT ? 2 : 1; /* SEGV_ACCERR, MAPERR */
		return SIGSEGV;
	case 13:
		*code = 128; /* SI_KERNEL */
		return SIGSEGV;
	case 16:
	case 19:
		*code = 7; /* FPE_FLTINV */
		return SIGFPE;
	default:
		return 0;
	}
}

/*
 * On a trap's stack. Only for code of the program: not in a system call, not
 * in a task without a thread.
 */
static bool fault(struct trap_frame *r, uint64_t address)
{
	struct task *task = fata_task_self();
	struct thread *t = task ? *task_libc(task) : NULL;
	siginfo_t info;
	int code, sig = signal_of(r, &code);

	if (!t || !sig || thread_context()->fpu ||
	    signal_action(sig)->handler <= 1 || t->sigmask & signal_bit(sig))
		return false;
	memset(&info, 0, sizeof(info));
	info.si_signo = sig;
	info.si_code = code;
	info.si_addr = (void *)(r->vector == 14 ? address : r->ip);
	return signal_enter(t, r, sig, &info, r->vector == 14 ? address : 0);
}

void signal_take_faults(void)
{
	traps_fault = fault;
}
