/* SPDX-License-Identifier: ISC */
/*
 * The functions behind the system calls, by file. Each takes the arguments of
 * Linux's call of that name and returns its result, -errno included; table.c
 * says which number gets which. They run on a task, and those that wait on
 * Linux can block.
 */
#ifndef FATA_LIBC_SYS_H
#define FATA_LIBC_SYS_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct action;
struct iovec;
struct limit;
struct pollfd;
struct rusage;
struct stat;
struct sysinfo;
struct timespec;
struct timeval;
struct tms;
struct utsname;

/* clock.c */
long sys_clock_gettime(int clock, struct timespec *time);
long sys_clock_getres(int clock, struct timespec *time);
long sys_clock_nanosleep(int clock, int flags, const struct timespec *time,
			 struct timespec *rest);
long sys_nanosleep(const struct timespec *time, struct timespec *rest);
long sys_gettimeofday(struct timeval *time, void *zone);
long sys_time(time_t *t);
long sys_clock_settime(int clock, const struct timespec *time);
long sys_settimeofday(const struct timeval *time, const void *zone);
long sys_times(struct tms *t);
long sys_getrusage(int who, struct rusage *usage);

/* clone.c */
long sys_clone(uint64_t flags, uint64_t stack, uint32_t *parent_tid,
	       uint32_t *child_tid, uint64_t tls);
long sys_exit(int status) __attribute__((noreturn));
long sys_exit_group(int status) __attribute__((noreturn));
long sys_arch_prctl(int code, uint64_t address);

/* fcntl.c */
long sys_close(int fd);
long sys_close_range(unsigned first, unsigned last, unsigned flags);
long sys_dup(int fd);
long sys_dup2(int fd, int to);
long sys_dup3(int fd, int to, int flags);
long sys_fcntl(int fd, int command, uint64_t arg);
long sys_flock(int fd, int operation);

/* futex.c */
long sys_futex(uint32_t *word, int op, uint32_t value, uint64_t time_or_count,
	       uint32_t *word2, uint32_t value3);

/* info.c */
long sys_uname(struct utsname *u);
long sys_sethostname(const char *name, size_t n);
long sys_setdomainname(const char *name, size_t n);
long sys_one(void);
long sys_zero(void);
long sys_set_id(int a);
long sys_set_id2(int a, int b);
long sys_set_id3(int a, int b, int c);
long sys_get_id3(int *a, int *b, int *c);
long sys_one_of(int p);
long sys_setpgid(int p, int group);
long sys_no_child(void);
long sys_not_permitted(void);
long sys_umask(unsigned new);
long sys_getrandom(void *p, size_t n, unsigned flags);
long sys_getcpu(unsigned *cpu, unsigned *node);
long sys_sysinfo(struct sysinfo *s);
long sys_prlimit64(int pid, unsigned which, const struct limit *new,
		   struct limit *old);
long sys_getrlimit(unsigned which, struct limit *l);
long sys_setrlimit(unsigned which, const struct limit *l);
long sys_prctl(int option, char *name);

/* io.c */
long sys_read(int fd, void *p, size_t n);
long sys_write(int fd, const void *p, size_t n);
long sys_readv(int fd, const struct iovec *iov, int n);
long sys_writev(int fd, const struct iovec *iov, int n);
long sys_preadv(int fd, const struct iovec *iov, int n, off_t at);
long sys_pwritev(int fd, const struct iovec *iov, int n, off_t at);
long sys_pread64(int fd, void *p, size_t n, off_t at);
long sys_pwrite64(int fd, const void *p, size_t n, off_t at);
long sys_preadv2(int fd, const struct iovec *iov, int n, off_t at,
		 uint64_t high, int flags);
long sys_pwritev2(int fd, const struct iovec *iov, int n, off_t at,
		  uint64_t high, int flags);
long sys_lseek(int fd, off_t offset, int whence);
long sys_ioctl(int fd, unsigned command, uint64_t arg);
long sys_fstat(int fd, struct stat *s);
long sys_ftruncate(int fd, off_t size);
long sys_fsync(int fd);

/* mem.c */
long sys_mmap(uint64_t at, uint64_t size, int prot, int flags, int fd,
	      uint64_t offset);
long sys_munmap(uint64_t at, uint64_t size);
long sys_mprotect(uint64_t at, uint64_t size, int prot);
long sys_mremap(uint64_t at, uint64_t old, uint64_t new, int flags,
		uint64_t to);
long sys_madvise(uint64_t at, uint64_t size, int advice);
long sys_mincore(uint64_t at, uint64_t size, unsigned char *vec);
long sys_msync(uint64_t at, uint64_t size, int flags);
long sys_mlock(uint64_t at, uint64_t size);
long sys_brk(uint64_t at);

/* poll.c */
long sys_poll(struct pollfd *p, uint64_t n, int ms);
long sys_ppoll(struct pollfd *p, uint64_t n, const struct timespec *time,
	       const uint64_t *mask, size_t size);
long sys_select(int n, uint64_t *in, uint64_t *out, uint64_t *except,
		struct timeval *time);
long sys_pselect6(int n, uint64_t *in, uint64_t *out, uint64_t *except,
		  const struct timespec *time, const uint64_t *pair);

/* signal.c */
long sys_rt_sigaction(int sig, const struct action *new, struct action *old,
		      size_t size);
long sys_rt_sigprocmask(int how, const uint64_t *new, uint64_t *old,
			size_t size);
long sys_kill(int pid, int sig);
long sys_tkill(int tid, int sig);
long sys_tgkill(int pid, int tid, int sig);

/* thread.c */
long sys_gettid(void);
long sys_set_tid_address(uint32_t *word);
long sys_set_robust_list(void *head, size_t size);
long sys_get_robust_list(int tid, void **head, size_t *size);
long sys_sched_yield(void);
long sys_sched_getaffinity(int tid, size_t size, uint64_t *mask);
long sys_sched_setaffinity(int tid, size_t size, const uint64_t *mask);

#endif
