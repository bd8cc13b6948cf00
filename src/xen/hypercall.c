/* SPDX-License-Identifier: ISC */
/*
 * Hypercalls proper: finding Xen and calling into its page of code.
 *
 * Arguments go in rdi, rsi, rdx, r10, the result comes in rax
 * (xen/include/public/arch-x86/xen-x86_64.h). The registers that carry
 * arguments may be lost.
 */
#include <arch/x86_64/cpu.h>
#include <errno.h>
#include <xen/hypercall.h>
#include <xen/setup.h>
#include <xen/xen.h>

extern char hypercall_page[];

#define XEN_LEAF 0x40000000
#define XEN_LEAF_LAST 0x40010000
#define XEN_LEAF_STEP 0x100

static long call(unsigned nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	register uint64_t r10 __asm__("r10") = d;
	long rc;

	__asm__ volatile("call *%[entry]"
			 : "=a"(rc), "+D"(a), "+S"(b), "+d"(c), "+r"(r10)
			 : [entry] "r"(hypercall_page + 32 * nr)
			 : "memory", "rcx", "r8", "r9", "r11", "cc");
	return rc;
}

/* Xen's first CPUID leaf; hypervisors that pose as others come before it. */
static uint32_t find_xen(void)
{
	for (uint32_t l = XEN_LEAF; l < XEN_LEAF_LAST; l += XEN_LEAF_STEP) {
		struct cpuid r = cpuid(l, 0);

		if (r.b == 0x566e6558 && r.c == 0x65584d4d &&
		    r.d == 0x4d4d566e && r.a >= l + 2) /* "XenVMMXenVMM" */
			return l;
	}
	return 0;
}

int hypercall_init(unsigned *version)
{
	uint32_t leaf = find_xen();
	struct cpuid r;

	if (!leaf)
		return -ENODEV;
	*version = cpuid(leaf + 1, 0).a;
	r = cpuid(leaf + 2, 0);
	/* ebx is the register to write, whatever base Xen chose (viridian) */
	wrmsr(r.b, (uint64_t)hypercall_page);
	return 0;
}

long hypercall_memory_op(unsigned cmd, void *arg)
{
	return call(__HYPERVISOR_memory_op, cmd, (uint64_t)arg, 0, 0);
}

long hypercall_console_io(int cmd, unsigned int count, char *buffer)
{
	return call(__HYPERVISOR_console_io, (uint64_t)cmd, count,
		    (uint64_t)buffer, 0);
}

long hypercall_grant_table_op(unsigned int cmd, void *args, unsigned int count)
{
	return call(__HYPERVISOR_grant_table_op, cmd, (uint64_t)args, count, 0);
}

long hypercall_sched_op(int cmd, void *arg)
{
	return call(__HYPERVISOR_sched_op, (uint64_t)cmd, (uint64_t)arg, 0, 0);
}

long hypercall_event_channel_op(int cmd, void *arg)
{
	return call(__HYPERVISOR_event_channel_op, (uint64_t)cmd,
		    (uint64_t)arg, 0, 0);
}

long hypercall_hvm_op(int cmd, void *arg)
{
	return call(__HYPERVISOR_hvm_op, (uint64_t)cmd, (uint64_t)arg, 0, 0);
}

long hypercall_set_timer_op(uint64_t deadline)
{
	return call(__HYPERVISOR_set_timer_op, deadline, 0, 0, 0);
}
