/* SPDX-License-Identifier: ISC */
/*
 * lab_qemu.c - QEMU for the lab: its command line and its process.
 *
 * Interface: a saved machine can be restored only into the same machine, so
 * one function writes the command line for both; what may differ is marked.
 * The process outlives the tool, except while it boots to be saved.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab_int.h"
#include "qmp.h"
#include "tool.h"

#define START_WAIT_MS 20000

/* What emulation offers Xen. +xsave hangs Xen 4.17 at boot, so no AVX. */
#define CPU_EMULATED                                                           \
	"qemu64,+svm,+npt,+ssse3,+sse4.1,+sse4.2,+popcnt,+rdrand,+smep"

static void add(struct strv *a, const char *format, ...) TOOL_PRINTF(2, 3);

static void add(struct strv *a, const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	text = xvasprintf(format, ap);
	va_end(ap);
	strv_add(a, text);
	free(text);
}

static void add_words(struct strv *a, const char *words)
{
	char *copy = xstrdup(words), *save = NULL, *word;

	for (word = strtok_r(copy, " ", &save); word;
	     word = strtok_r(NULL, " ", &save))
		strv_add(a, word);
	free(copy);
}

/* In QEMU's options a comma in a file's name is written twice. */
static void escape(const char *from, char *to, size_t size)
{
	size_t n = 0;

	for (; *from && n + 3 < size; from++) {
		if (*from == ',')
			to[n++] = ',';
		to[n++] = *from;
	}
	to[n] = 0;
}

static void add_cpu(struct strv *a, const struct lab_qemu *q)
{
	add_words(a, "-machine pc,memory-backend=ram -cpu");
	add(a, "%s", q->kvm ? "host" : CPU_EMULATED);
	add_words(a, "-smp");
	add(a, "%d", q->options.cpus);
	add_words(a, "-accel");
	if (q->kvm) {
		add(a, "kvm");
	} else if (q->options.counted) {
		add(a, "tcg,thread=single");
		add_words(a, "-icount shift=0,sleep=off -seed 1");
	} else {
		add(a, "tcg,thread=multi");
	}
	add_words(a, "-rtc base=2026-01-01T00:00:00,clock=vm");
}

static void add_memory(struct strv *a, const struct lab_qemu *q)
{
	char ram[2 * PATH_MAX];

	escape(q->ram, ram, sizeof(ram));
	add_words(a, "-m");
	add(a, "%d", q->options.memory);
	add_words(a, "-object");
	/* share=off: a private copy, so one file serves many labs at once */
	add(a, "memory-backend-file,id=ram,size=%dM,mem-path=%s,share=%s%s",
	    q->options.memory, ram, q->boot ? "on" : "off",
	    q->boot ? "" : ",reserve=off");
}

/* Two network cards: one for control, so that nothing that a test does to the
 * bridge can cut it off; and one in dom0's bridge. */
static void add_devices(struct strv *a)
{
	add_words(a, "-nodefaults -display none -no-reboot"
		     " -serial file:serial.log -qmp"
		     " unix:qmp.sock,server=on,wait=off"
		     " -netdev user,id=control,net=10.0.3.0/24,restrict=on"
		     " -device virtio-net-pci,netdev=control,romfile=,"
		     "mac=52:54:00:fa:7a:01"
		     " -netdev user,id=bridge,dhcpstart=10.0.2.20"
		     " -device virtio-net-pci,netdev=bridge,romfile=,"
		     "mac=52:54:00:fa:7a:02");
}

/* A boot happens in a folder inside that of the lab: relative names need no
 * quoting, and QEMU takes a module's name to end at its first space. */
static void add_boot(struct strv *a)
{
	add_words(a, "-kernel ../xen.elf -append");
	add(a, "console=com1 com1=115200,8n1 loglvl=warning bootscrub=0"
	       " dom0_mem=512M,max:512M dom0_max_vcpus=1");
	add_words(a, "-initrd");
	add(a, "../vmlinux console=hvc0 quiet mitigations=off panic=1,"
	       "../initrd.img");
}

static void command_line(struct strv *a, const struct lab_qemu *q)
{
	add(a, "%s/qemu", q->dir);
	add_words(a, "-name fata-lab");
	add_cpu(a, q);
	add_memory(a, q);
	add_devices(a);
	if (q->boot)
		add_boot(a);
	else
		add_words(a, "-incoming defer");
}

/* In the child: a process of its own, with one descriptor handed on. */
static void become_qemu(const struct lab_qemu *q, char **argv)
{
	int null = open("/dev/null", O_RDONLY);
	int log;

	if (chdir(q->cwd))
		_exit(126);
	log = open("qemu.log", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (q->fd >= 0 && dup2(q->fd, LAB_STATE_FD) < 0)
		_exit(126);
	setsid();
	dup2(null, 0);
	dup2(log, 1);
	dup2(log, 2);
	for (int fd = 3; fd < 256; fd++)
		if (fd != LAB_STATE_FD || q->fd < 0)
			close(fd);
	if (q->boot)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv(argv[0], argv);
	dprintf(2, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static int wait_qmp(const struct lab_qemu *q, pid_t pid)
{
	int64_t end = lab_now_ms() + START_WAIT_MS;
	struct qmp *m = malloc(sizeof(*m));
	int rc = m ? -ETIMEDOUT : -ENOMEM;

	while (m && lab_now_ms() < end) {
		if (waitpid(pid, NULL, WNOHANG) == pid) {
			rc = -ECHILD;
			break;
		}
		rc = qmp_open(m, q->cwd, "qmp.sock");
		if (rc == 0) {
			qmp_close(m);
			break;
		}
		lab_sleep_ms(10);
	}
	free(m);
	return rc;
}

pid_t lab_qemu_start(const struct lab_qemu *q)
{
	struct strv a = {0};
	char path[PATH_MAX + 16];
	pid_t pid;
	int rc;

	snprintf(path, sizeof(path), "%s/qmp.sock", q->cwd);
	unlink(path);
	command_line(&a, q);
	pid = fork();
	if (pid == 0)
		become_qemu(q, a.v);
	rc = pid < 0 ? -errno : 0;
	strv_free(&a);
	if (rc)
		return lab_error(rc, "cannot start QEMU: %s", strerror(-rc));
	rc = wait_qmp(q, pid);
	if (rc) {
		lab_qemu_kill(pid);
		lab_show_tail(q->cwd, "qemu.log", 5);
		return lab_error(rc, "QEMU does not start");
	}
	return pid;
}

void lab_qemu_kill(pid_t pid)
{
	int64_t end = lab_now_ms() + 5000;

	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, WNOHANG) != pid && lab_process_start(pid) &&
	       lab_now_ms() < end)
		lab_sleep_ms(5);
}

/* Field 22 of /proc/PID/stat; the name before it may hold anything. */
unsigned long long lab_process_start(pid_t pid)
{
	char path[64], text[1024];
	unsigned long long start = 0;
	char *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = 0;
	p = strrchr(text, ')');
	if (!p || p[1] == 0 || p[2] == 'Z')
		return 0;
	sscanf(p + 2,
	       "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d"
	       " %*d %*d %*d %*d %llu",
	       &start);
	return start;
}

static int file_has(const char *path, const char *a, const char *b)
{
	char text[8192];
	FILE *f = fopen(path, "re");
	int found = 0;

	while (f && !found && fgets(text, sizeof(text), f))
		found = strstr(text, a) || strstr(text, b);
	if (f)
		fclose(f);
	return found;
}

/*
 * KVM serves here only if Xen inside can itself run guests: the CPU has the
 * extension, KVM hands it on, and the device really makes a machine. The file
 * /dev/kvm alone says nothing of that.
 */
int lab_have_kvm(void)
{
	int kvm, vm, ok = 0;

	if (!file_has("/proc/cpuinfo", " vmx", " svm"))
		return 0;
	if (!file_has("/sys/module/kvm_intel/parameters/nested", "Y", "1") &&
	    !file_has("/sys/module/kvm_amd/parameters/nested", "Y", "1"))
		return 0;
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		return 0;
	if (ioctl(kvm, KVM_GET_API_VERSION, 0) == KVM_API_VERSION &&
	    ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP) > 0) {
		vm = ioctl(kvm, KVM_CREATE_VM, 0);
		ok = vm >= 0;
		if (ok)
			close(vm);
	}
	close(kvm);
	return ok;
}

/* A state is for the QEMU that wrote it: this tells it from other ones. */
int lab_qemu_mark(pid_t pid, char *text, size_t size)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	if (stat(path, &st))
		return -errno;
	snprintf(text, size, "%lld.%lld", (long long)st.st_size,
		 (long long)st.st_mtime);
	return 0;
}

void lab_show_tail(const char *dir, const char *name, int lines)
{
	char path[PATH_MAX + 32], text[8192];
	FILE *f;
	size_t n;
	char *p;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f)
		return;
	if (fseek(f, -(long)(sizeof(text) - 1), SEEK_END))
		rewind(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	while (n && text[n - 1] == '\n')
		n--;
	text[n] = 0;
	for (p = text + n; p > text && lines; p--)
		if (p[-1] == '\n' && --lines == 0)
			break;
	for (p = strtok(p, "\r\n"); p; p = strtok(NULL, "\r\n"))
		fprintf(stderr, "    %s\n", p);
}
