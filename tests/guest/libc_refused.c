/* SPDX-License-Identifier: ISC */
/*
 * What cannot be is ENOSYS, and told once in the log, with who asked for it.
 * guest: says call 57 \(fork\) from .* < fork < try_fork < main: there is one
 * guest: says call 400 \(unknown\) from .*, syscall < main.*: no such call
 * guest: says call 319 \(memfd_create\) from .*, memfd_create < main: files
 * guest: never try_fork_again
 * guest: says ^said once$
 */
#define _GNU_SOURCE
#include <errno.h>
#include <lib/guest.h>
#include <sys/mman.h>
#include <unistd.h>

static __attribute__((noinline)) void try_fork(void)
{
	check_equal(fork(), -1);
	check_equal(errno, ENOSYS);
}

static __attribute__((noinline)) void try_fork_again(void)
{
	check_equal(fork(), -1);
	check_equal(errno, ENOSYS);
}

int main(void)
{
	for (int i = 0; i < 3; i++) {
		try_fork();
		try_fork_again();
		check_equal(syscall(400), -1);
		check_equal(errno, ENOSYS);
		check_equal(memfd_create("name", 0), -1);
	}
	check_equal(execv("/none", (char *[]){NULL}), -1);
	puts("said once");
	return 0;
}
