/* SPDX-License-Identifier: ISC */
/*
 * The program's start: a stack as a Linux kernel leaves it for a new process,
 * and a jump to libc's _start.
 *
 *     top     auxiliary vector: pairs, ended by AT_NULL
 *             environ pointers, NULL
 *             argv pointers, NULL
 *     sp ->   argc                                       (16-byte aligned)
 *
 * What these point at stays where it is. The stack is the main task's own, of
 * which the few frames above are never returned to.
 *
 * libc looks for its thread-local storage in the program headers. The real ones
 * are not mapped, so AT_PHDR points at a few made up here from what the linker
 * script knows.
 */
#include <arch/x86_64/cpu.h>
#include <core/loop.h>
#include <core/param.h>
#include <elf.h>
#include <errno.h>
#include <fata/heap.h>
#include <fata/lifecycle.h>
#include <fata/param.h>
#include <fata/random.h>
#include <libc/frame.h>
#include <libc/signal.h>
#include <libc/start.h>
#include <libc/malloc.h>
#include <libc/thread.h>
#include <libc/tls.h>
#include <libc/tty.h>
#include <string.h>

#define STACK_LEAST (64ull << 10)
#define STACK_MOST (8ull << 20)
#define STACK_SHARE 32 /* of all memory, unless a parameter says otherwise */

#define AUX_MAX 20

#define FLAGS_TF (1u << 8)
#define FLAGS_DF (1u << 10)
#define FLAGS_NT (1u << 14)
#define FLAGS_AC (1u << 18)

static uint64_t stack_size;
FATA_PARAM_SIZE(stack_size, "main-stack", "1/32 of the memory, 64K to 8M",
		"stack of main");

/* The linker script's. */
extern char image_start[] __asm__("fata$image_start");
extern char image_end[] __asm__("fata$data_end");
extern char tls_start[] __asm__("fata$tls_start");
extern char tls_data_end[] __asm__("fata$tls_data_end");
extern char tls_end[] __asm__("fata$tls_end");
extern char tls_align[] __asm__("fata$tls_align");
extern char eh_frame_hdr[] __asm__("fata$eh_frame_hdr");
extern char eh_frame_hdr_end[] __asm__("fata$eh_frame_hdr_end");
extern char _start[];

static Elf64_Phdr headers[3];
static unsigned char seed[16];

size_t start_stack_size(void)
{
	struct heap_stat s;

	if (stack_size)
		return stack_size;
	heap_quick_stat(&s);
	stack_size = s.total / STACK_SHARE & ~4095ull;
	if (stack_size < STACK_LEAST)
		stack_size = STACK_LEAST;
	if (stack_size > STACK_MOST)
		stack_size = STACK_MOST;
	return stack_size;
}

static Elf64_Phdr header(unsigned type, const char *from, const char *to,
			 const char *end, size_t align)
{
	return (Elf64_Phdr){
		.p_type = type,
		.p_flags = PF_R,
		.p_vaddr = (uint64_t)from,
		.p_paddr = (uint64_t)from,
		.p_filesz = (uint64_t)(to - from),
		.p_memsz = (uint64_t)(end - from),
		.p_align = align,
	};
}

static unsigned make_headers(void)
{
	unsigned n = 0;

	headers[n++] =
		header(PT_LOAD, image_start, image_end, image_end, 4096);
	if (&eh_frame_hdr[0] != &eh_frame_hdr_end[0])
		headers[n++] = header(PT_GNU_EH_FRAME, eh_frame_hdr,
				      eh_frame_hdr_end, eh_frame_hdr_end, 4);
	if (&tls_start[0] != &tls_end[0])
		headers[n++] = header(PT_TLS, tls_start, tls_data_end, tls_end,
				      (size_t)tls_align);
	return n;
}

static size_t count(char **list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

/* Everything below `top`; the stack pointer for _start. */
static uint64_t fill_stack(uint64_t top, int argc, char **argv, char **env)
{
	const uint64_t aux[][2] = {
		{AT_PAGESZ, 4096},
		{AT_PHDR, (uint64_t)headers},
		{AT_PHENT, sizeof(headers[0])},
		{AT_PHNUM, make_headers()},
		{AT_RANDOM, (uint64_t)seed},
		{AT_ENTRY, (uint64_t)_start},
		{AT_UID, 0},
		{AT_EUID, 0},
		{AT_GID, 0},
		{AT_EGID, 0},
		{AT_SECURE, 0},
		{AT_HWCAP, cpuid(1, 0).d},
		{AT_CLKTCK, 100},
		{AT_EXECFN, (uint64_t)argv[0]},
		{AT_PLATFORM, (uint64_t) "x86_64"},
		{AT_NULL, 0},
	};
	size_t n_env = count(env), words = 1 + (size_t)argc + 1 + n_env + 1;
	uint64_t *sp =
		(uint64_t *)((top - sizeof(aux) - words * 8) & ~15ull);
	uint64_t *at = sp;

	*at++ = (uint64_t)argc;
	memcpy(at, argv, (size_t)argc * 8);
	at += argc;
	*at++ = 0;
	memcpy(at, env, (n_env + 1) * 8);
	memcpy(at + n_env + 1, aux, sizeof(aux));
	return (uint64_t)sp;
}

/* From now on the `syscall` instruction comes to syscall_entry.S. */
static void take_system_calls(void)
{
	/* SYSCALL loads CS from STAR[47:32] and SS from 8 above it. */
	wrmsr(MSR_STAR, (uint64_t)SEL_CODE << 32);
	wrmsr(MSR_LSTAR, (uint64_t)syscall_entry);
	wrmsr(MSR_FMASK, FLAGS_TF | FLAGS_DF | FLAGS_NT | FLAGS_AC);
}

static bool asked(void *arg, enum lifecycle_request request)
{
	(void)arg;
	return signal_terminate(request == LIFECYCLE_REBOOT);
}

int libc_run(int argc, char **argv)
{
	char **env = param_environment();
	size_t size = (AUX_MAX * 2 + (size_t)argc + count(env) + 4) * 8;
	struct frame f = {.ip = (uint64_t)_start};

	if (!thread_new(fata_task_self()) || tty_open_standard())
		return -ENOMEM;
	random_bytes(seed, sizeof(seed));
	take_system_calls();
	malloc_linked();
	tls_begin();
	signal_take_faults();
	lifecycle_on_request(asked, NULL);
	loop_callbacks = libc_callbacks;
	/* The program goes on below this block and never comes back. */
	f.sp = fill_stack((uint64_t)__builtin_alloca(size) + size, argc, argv,
			  env);
	frame_enter(&f);
}

/*
 * The program's stack canary, in its thread descriptor; libc calls this once
 * and copies it to every thread. Its own would be linked in together with a
 * __stack_chk_fail that does not stop in ring 0. The lowest byte is 0, so that
 * a string cannot write over it.
 */
void __init_ssp(const void *entropy);

__attribute__((no_stack_protector)) void
__init_ssp(const void *entropy)
{
	uint64_t canary;

	memcpy(&canary, entropy, sizeof(canary));
	__asm__ volatile("movq %0, %%fs:0x28" : : "r"(canary & ~0xffull));
}
