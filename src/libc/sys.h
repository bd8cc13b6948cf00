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
struct epoll_event;
struct iovec;
struct itimerspec;
struct itimerval;
struct limit;
struct msghdr;
struct notify;
struct pollfd;
struct rusage;
struct stat;
struct statfs;
struct sysinfo;
struct timespec;
struct timeval;
struct tms;
struct utimbuf;
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

/* copy.c */
long sys_sendfile(int out, int in, uint64_t *at, size_t n);
long sys_copy_file_range(int in, uint64_t *in_at, int out, uint64_t *out_at,
			 size_t n, unsigned flags);
long sys_fadvise64(int fd, off_t at, off_t size, int advice);

/* epoll.c */
long sys_epoll_create1(int flags);
long sys_epoll_create(int size);
long sys_epoll_ctl(int set, int op, int fd, const struct epoll_event *event);
long sys_epoll_pwait(int fd, struct epoll_event *out, int max, int ms,
		     const uint64_t *mask, size_t size);
long sys_epoll_wait(int fd, struct epoll_event *out, int max, int ms);
long sys_epoll_pwait2(int fd, struct epoll_event *out, int max,
		      const struct timespec *time, const uint64_t *mask,
		      size_t size);

/* eventfd.c */
long sys_eventfd2(unsigned value, int flags);
long sys_eventfd(unsigned value);
long sys_timerfd_create(int clock, int flags);
long sys_timerfd_settime(int fd, int flags, const struct itimerspec *new,
			 struct itimerspec *old);
long sys_timerfd_gettime(int fd, struct itimerspec *now);

/* fcntl.c */
long sys_close(int fd);
long sys_close_range(unsigned first, unsigned last, unsigned flags);
long sys_dup(int fd);
long sys_dup2(int fd, int to);
long sys_dup3(int fd, int to, int flags);
long sys_fcntl(int fd, int command, uint64_t arg);
long sys_flock(int fd, int operation);

/* fs_look.c, fs_make.c, fs_remove.c, fs_attr.c */
long sys_newfstatat(int fd, const char *path, struct stat *s, int flags);
long sys_stat(const char *path, struct stat *s);
long sys_lstat(const char *path, struct stat *s);
long sys_faccessat(int fd, const char *path, int how);
long sys_faccessat2(int fd, const char *path, int how, int flags);
long sys_access(const char *path, int how);
long sys_readlinkat(int fd, const char *path, char *text, size_t size);
long sys_readlink(const char *path, char *text, size_t size);
long sys_getdents64(int fd, void *p, size_t size);
long sys_statfs(const char *path, struct statfs *s);
long sys_fstatfs(int fd, struct statfs *s);
long sys_chdir(const char *path);
long sys_fchdir(int fd);
long sys_getcwd(char *text, size_t size);
long sys_mkdirat(int fd, const char *path, mode_t mode);
long sys_mkdir(const char *path, mode_t mode);
long sys_mknodat(int fd, const char *path, mode_t mode, uint64_t rdev);
long sys_mknod(const char *path, mode_t mode, uint64_t rdev);
long sys_symlinkat(const char *target, int fd, const char *path);
long sys_symlink(const char *target, const char *path);
long sys_linkat(int fd, const char *path, int to_fd, const char *to, int flags);
long sys_link(const char *path, const char *to);
long sys_unlinkat(int fd, const char *path, int flags);
long sys_unlink(const char *path);
long sys_rmdir(const char *path);
long sys_renameat2(int fd, const char *path, int to_fd, const char *to,
		   unsigned flags);
long sys_renameat(int fd, const char *path, int to_fd, const char *to);
long sys_rename(const char *path, const char *to);
long sys_fchmodat(int fd, const char *path, mode_t mode);
long sys_chmod(const char *path, mode_t mode);
long sys_fchmod(int fd, mode_t mode);
long sys_fchownat(int fd, const char *path, unsigned uid, unsigned gid,
		  int flags);
long sys_chown(const char *path, unsigned uid, unsigned gid);
long sys_lchown(const char *path, unsigned uid, unsigned gid);
long sys_fchown(int fd, unsigned uid, unsigned gid);
long sys_utimensat(int fd, const char *path, const struct timespec *t,
		   int flags);
long sys_truncate(const char *path, off_t size);
long sys_fallocate(int fd, int mode, off_t at, off_t size);
long sys_sync(void);
long sys_syncfs(int fd);

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
long sys_fdatasync(int fd);

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

/* open.c */
long sys_openat(int fd, const char *path, int flags, mode_t mode);
long sys_open(const char *path, int flags, mode_t mode);
long sys_creat(const char *path, mode_t mode);

/* pipe.c */
long sys_pipe2(int *fds, int flags);
long sys_pipe(int *fds);

/* poll.c */
long sys_poll(struct pollfd *p, uint64_t n, int ms);
long sys_ppoll(struct pollfd *p, uint64_t n, const struct timespec *time,
	       const uint64_t *mask, size_t size);
long sys_select(int n, uint64_t *in, uint64_t *out, uint64_t *except,
		struct timeval *time);
long sys_pselect6(int n, uint64_t *in, uint64_t *out, uint64_t *except,
		  const struct timespec *time, const uint64_t *pair);

/* sched.c */
long sys_sched_getscheduler(int tid);
long sys_sched_setscheduler(int tid, int policy, const int *priority);
long sys_sched_getparam(int tid, int *priority);
long sys_sched_setparam(int tid, const int *priority);
long sys_sched_get_priority_max(int policy);
long sys_sched_get_priority_min(int policy);
long sys_sched_rr_get_interval(int tid, struct timespec *t);
long sys_getpriority(int which, int who);
long sys_setpriority(int which, int who, int nice);
long sys_personality(unsigned what);
long sys_membarrier(int command, unsigned flags, int cpu);
long sys_reboot(unsigned magic, unsigned magic2, unsigned command);

/* sigframe.c */
long sys_sigaltstack(const stack_t *new, stack_t *old);
long sys_rt_sigreturn(void);

/* signal.c */
long sys_rt_sigaction(int sig, const struct action *new, struct action *old,
		      size_t size);
long sys_rt_sigprocmask(int how, const uint64_t *new, uint64_t *old,
			size_t size);
long sys_rt_sigpending(uint64_t *set, size_t size);
long sys_kill(int pid, int sig);
long sys_tkill(int tid, int sig);
long sys_tgkill(int pid, int tid, int sig);
long sys_rt_sigqueueinfo(int pid, int sig, const siginfo_t *info);
long sys_rt_tgsigqueueinfo(int pid, int tid, int sig, const siginfo_t *info);

/* sigwait.c */
long sys_pause(void);
long sys_rt_sigsuspend(const uint64_t *mask, size_t size);
long sys_rt_sigtimedwait(const uint64_t *set, siginfo_t *info,
			 const struct timespec *time, size_t size);

long sys_signalfd4(int fd, const uint64_t *mask, size_t size, int flags);
long sys_signalfd(int fd, const uint64_t *mask, size_t size);

/* sigtimer.c */
long sys_alarm(unsigned seconds);
long sys_getitimer(unsigned which, struct itimerval *now);
long sys_setitimer(unsigned which, const struct itimerval *new,
		   struct itimerval *old);
long sys_timer_create(int clock, const struct notify *n, int *id);
long sys_timer_settime(int id, int flags, const struct itimerspec *new,
		       struct itimerspec *old);
long sys_timer_gettime(int id, struct itimerspec *now);
long sys_timer_getoverrun(int id);
long sys_timer_delete(int id);

/* socket.c */
long sys_socket(int domain, int type, int protocol);
long sys_bind(int fd, const void *address, unsigned size);
long sys_listen(int fd, int backlog);
long sys_accept4(int fd, void *address, unsigned *size, int flags);
long sys_accept(int fd, void *address, unsigned *size);
long sys_connect(int fd, const void *address, unsigned size);
long sys_getsockname(int fd, void *address, unsigned *size);
long sys_getpeername(int fd, void *address, unsigned *size);
long sys_sendto(int fd, const void *p, size_t n, int flags, const void *to,
		unsigned size);
long sys_recvfrom(int fd, void *p, size_t n, int flags, void *from,
		  unsigned *size);
long sys_sendmsg(int fd, const struct msghdr *m, int flags);
long sys_recvmsg(int fd, struct msghdr *m, int flags);
long sys_shutdown(int fd, int how);
long sys_setsockopt(int fd, int level, int option, const void *value,
		    unsigned size);
long sys_getsockopt(int fd, int level, int option, void *value, unsigned *size);

/* thread.c */
long sys_gettid(void);
long sys_set_tid_address(uint32_t *word);
long sys_set_robust_list(void *head, size_t size);
long sys_get_robust_list(int tid, void **head, size_t *size);
long sys_sched_yield(void);
long sys_sched_getaffinity(int tid, size_t size, uint64_t *mask);
long sys_sched_setaffinity(int tid, size_t size, const uint64_t *mask);

/* utime.c */
long sys_utime(const char *path, const struct utimbuf *t);
long sys_utimes(const char *path, const struct timeval *t);
long sys_futimesat(int fd, const char *path, const struct timeval *t);

#endif
