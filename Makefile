# SPDX-License-Identifier: ISC
# Fata. `make help` lists what there is. `make V=1` shows the commands.

BUILD ?= build
CC    ?= gcc
ifeq ($(origin CC),default)
CC    := gcc
endif
O     ?= -O2
V     ?= 0
# One line for what is made, none with -s.
QUIET := $(findstring s,$(firstword -$(MAKEFLAGS)))
Q      = $(if $(filter 0,$(V)),@$(if $(QUIET),,$(and $(filter $(BUILD)/%,$@), \
	echo '  $(@:$(BUILD)/%=%)';)))

.DEFAULT_GOAL := all
.SUFFIXES:
.SECONDARY:
.DELETE_ON_ERROR:

include scripts/packages.mk

# --- the library that images link with ---------------------------------

WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wvla
MUSL    := $(PKG)/usr/include/x86_64-linux-musl
XENHDR  := $(BUILD)/include-xen
GCCHDR   = $(shell $(CC) -print-file-name=include)
KFLAGS   = -std=gnu11 $(O) -g $(WARN) -ffreestanding -fno-pic -fno-pie \
	-mno-red-zone -mgeneral-regs-only -mcmodel=small \
	-fstack-protector-strong -mstack-protector-guard=global \
	-fcf-protection -fno-omit-frame-pointer \
	-ffunction-sections -fdata-sections -fno-common \
	-fno-asynchronous-unwind-tables -fno-strict-aliasing \
	-nostdinc -isystem $(MUSL) -isystem $(GCCHDR) -isystem $(XENHDR) \
	-Iinclude -Isrc -D__XEN_INTERFACE_VERSION__=0x00040e00 \
	-D__FATA_XEN__ -D_GNU_SOURCE

# lwIP, from Debian's source package as it is. Its fragmenting and the way into
# TCP are renamed: ours (src/net/offload.c, tcp_find.c) come first.
LWIP    := $(BUILD)/src/lwip
LWIPSRC := $(addprefix core/,def inet_chksum init ip mem memp netif pbuf raw \
	stats sys tcp tcp_in tcp_out udp \
	$(addprefix ipv4/,dhcp etharp icmp igmp ip4 ip4_addr ip4_frag) \
	$(addprefix ipv6/,ethip6 icmp6 inet6 ip6 ip6_addr ip6_frag mld6 nd6)) \
	netif/ethernet
LWIPOBJ := $(patsubst %,$(BUILD)/kernel/lwip/%.o,$(LWIPSRC))
LWIPOWN := $(addprefix src/net/lwip/,lwipopts.h hooks.h arch/cc.h)
LWIPINC := -Isrc/net/lwip -isystem $(LWIP)/src/include

$(LWIP)/.complete: scripts/src.sh
	$(Q)scripts/src.sh $(LWIP) lwip
$(BUILD)/kernel/lwip/%.o: $(LWIP)/.complete $(LWIPOWN) | $(PKGSTAMP) $(XENHDR)/xen/xen.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(KFLAGS) -Wno-error -w $(LWIPINC) $(LWIPRENAME) \
		-c $(LWIP)/src/$*.c -o $@
$(BUILD)/kernel/lwip/core/ipv4/ip4_frag.o: LWIPRENAME := -Dip4_frag=lwip_ip4_frag
$(BUILD)/kernel/lwip/core/ipv6/ip6_frag.o: LWIPRENAME := -Dip6_frag=lwip_ip6_frag
$(BUILD)/kernel/lwip/core/tcp_in.o: LWIPRENAME := -Dtcp_input=lwip_tcp_input
$(addprefix $(BUILD)/kernel/lwip/core/,ipv4/dhcp.o ipv6/nd6.o): \
	LWIPRENAME := -DLWIP_DNS=1
NETOBJ  := $(patsubst src/%,$(BUILD)/kernel/%.o, \
	$(wildcard src/net/*.c src/libc/sock*.c src/libc/resolv.c))
$(NETOBJ): KFLAGS += $(LWIPINC)
$(NETOBJ): | $(LWIP)/.complete

# ext4 is libext2fs's, from Debian's archive as it is.
EXT4OBJ := $(patsubst src/%,$(BUILD)/kernel/%.o,$(wildcard src/fs/ext4*.c))
$(EXT4OBJ): KFLAGS += -isystem $(E2HDR)
$(EXT4OBJ): | $(E2HDR)/ext2fs/ext2fs.h

KSRC := $(wildcard src/*.c $(addprefix src/,$(addsuffix /*.[cS], \
	arch/x86_64 core xen drivers qubes net fs libc)))
KOBJ := $(patsubst src/%,$(BUILD)/kernel/%.o,$(KSRC)) $(LWIPOBJ)

# Names beginning with fata$ are ours; only what include/fata names, and what
# libc expects of us, is visible to a program (scripts/export.sh).
$(BUILD)/lib/libfata.a: $(KOBJ) scripts/export.sh src/libc/exports \
		$(wildcard include/fata/*.h include/fata/xen/*.h)
	$(Q)scripts/export.sh $@ src/libc/exports $(KOBJ)

$(BUILD)/kernel/%.c.o: src/%.c Makefile | $(PKGSTAMP) $(XENHDR)/xen/xen.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(KFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/kernel/%.S.o: src/%.S Makefile | $(PKGSTAMP) $(XENHDR)/xen/xen.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(KFLAGS) -D__ASSEMBLY__ -MMD -MP -c $< -o $@
-include $(KOBJ:.o=.d)

$(BUILD)/lib/fata.ld: src/arch/x86_64/link.ld
	@mkdir -p $(@D)
	$(Q)cp $< $@

# musl's failure paths execute hlt, which in ring 0 merely waits.
$(BUILD)/lib/libc.a: $(PKGSTAMP) scripts/dehlt.sh
	@mkdir -p $(@D)
	$(Q)scripts/dehlt.sh $(PKG)/usr/lib/x86_64-linux-musl/libc.a $@

# --- the library of the unix twin: the same core, Linux below it ------------

# Of core, what the host's libc has already; the heap is the host's too.
UNIXCORE := $(filter-out src/core/string.c src/core/heap%.c src/core/notes.c, \
	$(wildcard src/core/*.c))
UNIXSRC := $(UNIXCORE) $(wildcard src/unix/*.c src/net/*.c) \
	$(addprefix src/libc/,sockaddr.c sockopt.c) \
	$(filter-out src/xen/xs_conn.c,$(wildcard src/xen/xs*.c)) \
	$(wildcard src/xen/xenbus*.c src/drivers/vchan*.c \
	src/drivers/netback*.c src/drivers/netkeys.c src/qubes/*.c)
UNIXDIR := $(BUILD)/unix
UNIXLIB := $(BUILD)/lib
UNIXOBJ := $(patsubst src/%,$(UNIXDIR)/%.o,$(UNIXSRC)) \
	$(LWIPOBJ:$(BUILD)/kernel/%=$(UNIXDIR)/%)
UFLAGS   = -std=gnu11 $(O) -g $(WARN) -fPIE -fstack-protector-strong \
	-fno-omit-frame-pointer -ffunction-sections -fdata-sections \
	-D_GNU_SOURCE -D__FATA_UNIX__ -D__XEN_INTERFACE_VERSION__=0x00040e00 \
	-Iinclude -Isrc \
	-isystem $(PKG)/usr/include $(LWIPINC) $(UNIXSAN)
$(UNIXDIR)/lwip/%.o: $(LWIP)/.complete $(LWIPOWN)
	@mkdir -p $(@D)
	$(Q)$(CC) $(UFLAGS) -Wno-error -w $(LWIPRENAME) -fno-sanitize=undefined \
		-c $(LWIP)/src/$*.c -o $@
$(UNIXDIR)/lwip/core/ipv4/ip4_frag.o: LWIPRENAME := -Dip4_frag=lwip_ip4_frag
$(UNIXDIR)/lwip/core/ipv6/ip6_frag.o: LWIPRENAME := -Dip6_frag=lwip_ip6_frag
$(UNIXDIR)/lwip/core/tcp_in.o: LWIPRENAME := -Dtcp_input=lwip_tcp_input
$(addprefix $(UNIXDIR)/lwip/core/,ipv4/dhcp.o ipv6/nd6.o): \
	LWIPRENAME := -DLWIP_DNS=1
$(UNIXDIR)/%.c.o: src/%.c | $(PKGSTAMP) $(LWIP)/.complete
	@mkdir -p $(@D)
	$(Q)$(CC) $(UFLAGS) -MMD -MP -c $< -o $@
-include $(UNIXOBJ:.o=.d)
# Xen's libraries, for programs in dom0: objects of our archive, so that only
# who uses them has them. libxengnttab maps where we say (src/unix/xenlib.h).
XENLIBS := evtchn gnttab toolcore toollog
UNIXXEN := $(patsubst %,$(UNIXDIR)/xen/%.a,$(XENLIBS))
$(UNIXDIR)/xen/%.a: $(PKGSTAMP)
	@mkdir -p $(@D)/$*
	$(Q)objcopy --redefine-sym 'mmap=xenlib_mmap' \
		$(PKG)/usr/lib/x86_64-linux-gnu/libxen$*.a $(abspath $@)
	$(Q)cd $(@D)/$* && rm -f *.o && ar x ../$*.a
# What stands in libc's place is an archive of its own: a sanitizer's library
# is searched before ours, so with one all of it must be linked.
UNIXIO := $(addprefix unix-,$(addsuffix .c.o,fifo io poll psync \
	psync_sem signal sigwait sleep sock stdio thread))
$(UNIXLIB)/libfata-unix.a: $(UNIXOBJ) $(UNIXXEN) scripts/export.sh \
		src/unix/exports $(wildcard include/fata/*.h include/fata/xen/*.h)
	$(Q)scripts/export.sh $@ src/unix/exports $(UNIXOBJ) \
		$(UNIXXEN:.a=/*.o)
	$(Q)cd $(@D) && rm -f libfata-unix-io.a && \
		ar x libfata-unix.a $(UNIXIO) && \
		ar rcsD libfata-unix-io.a $(UNIXIO) && \
		ar dD libfata-unix.a $(UNIXIO) && rm -f $(UNIXIO)

# The same under the sanitizers, for programs built with them: `fata cc -t unix
# -fsanitize=...` takes these when they are there. Not in `all`: they double the
# twin's part of the build.
UNIXVARIANTS := asan tsan
asan: UNIXSAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined
tsan: UNIXSAN := -fsanitize=thread -Wno-tsan
sanitized: $(UNIXVARIANTS) ## the runtime of -t unix under the sanitizers
$(UNIXVARIANTS): $(PKGSTAMP) $(LWIP)/.complete
	$(Q)$(MAKE) --no-print-directory UNIXDIR=$(BUILD)/$@/unix \
		UNIXLIB=$(BUILD)/lib/$@ UNIXSAN="$(UNIXSAN)" \
		$(BUILD)/lib/$@/libfata-unix.a

# Program code for archives that were built against glibc.
GLIBC := $(patsubst src/%,$(BUILD)/user/%.o,$(wildcard src/glibc/*.c))
$(BUILD)/user/%.c.o: src/%.c Makefile | $(PKGSTAMP)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 -g $(WARN) -fno-builtin -fno-pie -fcf-protection \
		-fstack-protector-strong -ffunction-sections -fdata-sections \
		-nostdinc -isystem $(MUSL) -isystem $(GCCHDR) -MMD -MP -c $< -o $@
$(BUILD)/lib/libglibc.a: $(GLIBC)
	$(Q)rm -f $@ && ar rcsD $@ $^

# What `fata run --pcap` runs in dom0, Xen's own or the lab's.
$(BUILD)/lib/fata-capture: tools/capture/main.c src/core/pcap.c src/core/pcap.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(TFLAGS) -static $(filter %.c,$^) -o $@

$(BUILD)/lib/libext2fs.a $(BUILD)/lib/libcom_err.a: $(BUILD)/lib/%: $(PKGSTAMP)
	@mkdir -p $(@D)
	$(Q)cp $(PKG)/usr/lib/x86_64-linux-gnu/$* $@

SDK := $(addprefix $(BUILD)/lib/,libfata.a fata.ld libc.a libglibc.a \
	libfata-unix.a libext2fs.a libcom_err.a)

# --- the tool ------------------------------------------------------------

TOOLSRC := $(wildcard tools/fata/*.c)
# The guest and the tool judge a parameter's value with the same code.
TOOLOBJ := $(patsubst tools/%.c,$(BUILD)/tools/%.o,$(TOOLSRC)) \
	$(BUILD)/tools/lab/proto.o $(BUILD)/tools/core/parse.o \
	$(BUILD)/tools/core/pcap.o
TFLAGS   = -std=gnu11 -O2 -g $(WARN) -fstack-protector-strong -D_GNU_SOURCE \
	-Iinclude -iquote src -DFATA_VERSION='"$(VERSION)"'
VERSION := 0.1

$(BUILD)/fata: $(TOOLOBJ)
	$(Q)$(CC) $^ -o $@
$(BUILD)/tools/%.o: tools/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(TFLAGS) -MMD -MP -c $< -o $@
# what the tool and the agent in the lab's dom0 share
$(BUILD)/tools/lab/%.o: lab/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(TFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/tools/core/%.o: src/core/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(TFLAGS) -MMD -MP -c $< -o $@
-include $(TOOLOBJ:.o=.d)

# --- examples --------------------------------------------------------------

EXAMPLES := $(patsubst examples/%/main.c,%,$(wildcard examples/*/main.c))
$(BUILD)/examples/%.xen: examples/%/main.c $(SDK) $(BUILD)/fata
	@mkdir -p $(@D)
	$(Q)$(BUILD)/fata cc -O2 -g -Wall -Wextra $(EXFLAGS) $< $(EXLIBS) -o $@
$(BUILD)/examples/sqlite.xen: EXFLAGS := -isystem $(BUILD)/include-sqlite
$(BUILD)/examples/sqlite.xen: EXLIBS := \
	$(PKG)/usr/lib/x86_64-linux-gnu/libsqlite3.a
$(BUILD)/examples/sqlite.xen: | $(BUILD)/include-sqlite/sqlite3.h
$(BUILD)/examples/site.xen: examples/http/main.c
FIREWALL := $(filter-out %/main.c,$(wildcard examples/firewall/*.c))
$(BUILD)/examples/firewall.xen: EXLIBS := $(FIREWALL)
$(BUILD)/examples/firewall.xen: $(FIREWALL) $(wildcard examples/firewall/*.h)

# --- host builds: core + unix twin, and core + xen + drivers for the sim ----

HCC    ?= gcc
SAN    := -fsanitize=address,undefined -fno-sanitize-recover=undefined
HFLAGS  = -std=gnu11 -O1 -g $(WARN) $(SAN) -fno-omit-frame-pointer \
	-D_GNU_SOURCE -Iinclude -Isrc -isystem $(XENHDR) \
	-isystem $(PKG)/usr/include -D__XEN_INTERFACE_VERSION__=0x00040e00
HLIBS   = -L$(PKG)/usr/lib/x86_64-linux-gnu -l:libcmocka.so.0 \
	-Wl,-rpath,$(abspath $(PKG))/usr/lib/x86_64-linux-gnu

HCORE := $(patsubst src/%,$(BUILD)/host/%.o,$(filter-out src/core/string.c \
	src/core/console_line.c src/core/net%.c, \
	$(wildcard src/core/*.c)))
HUNIX := $(patsubst %,$(BUILD)/host/unix/%.c.o,clock context platform world)
# The simulator brings its own hypercalls, boot, clock and memory; of ours it
# takes, from an archive, what those leave open.
SIM_OWN := $(addprefix src/xen/,hypercall.c platform.c setup.c clock.c)
HXEN  := $(patsubst src/%,$(BUILD)/host/%.o,$(filter-out $(SIM_OWN), \
	$(wildcard src/xen/*.c src/drivers/*.c src/qubes/*.c)))
$(BUILD)/host/libsim.a: $(HCORE) $(HXEN) $(BUILD)/host/unix/context.c.o \
		$(addprefix $(BUILD)/host/core/,console_line.c.o net.c.o net_fit.c.o \
		net_frame.c.o net_sum.c.o)
	$(Q)rm -f $@ && ar rcs $@ $^
HTEST := $(patsubst tests/%,$(BUILD)/host/tests/%.o,$(wildcard tests/lib/*.c))

$(BUILD)/host/tests/%.c.o: tests/%.c | $(PKGSTAMP) $(XENHDR)/xen/xen.h
	@mkdir -p $(@D)
	$(Q)$(HCC) $(HFLAGS) -Itests -MMD -MP -c $< -o $@
$(BUILD)/host/%.c.o: src/%.c Makefile | $(PKGSTAMP) $(XENHDR)/xen/xen.h
	@mkdir -p $(@D)
	$(Q)$(HCC) $(HFLAGS) -MMD -MP -c $< -o $@
-include $(wildcard $(BUILD)/host/*/*.d $(BUILD)/host/tests/*/*.d)

UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/*.c))
$(BUILD)/tests/unit/%: $(BUILD)/host/tests/unit/%.c.o $(HCORE) $(HUNIX)
	@mkdir -p $(@D)
	$(Q)$(HCC) $(SAN) $^ -o $@ $(HLIBS)
# The part of libc's layer that needs no CPU; the tests bring address ranges.
HLIBC := $(patsubst src/%,$(BUILD)/host/%.o,$(filter-out %/malloc.c \
	src/fs/ext4%,$(shell grep -LE '<(arch|net)/' src/libc/*.c src/fs/*.c)))
$(BUILD)/host/liblibc.a: $(HLIBC)
	$(Q)rm -f $@ && ar rcs $@ $^
HEXT4 := $(patsubst src/%,$(BUILD)/host/%.o,$(wildcard src/fs/ext4*.c))
$(HEXT4): HFLAGS += -isystem $(E2HDR)
$(HEXT4): | $(E2HDR)/ext2fs/ext2fs.h
E2LIBS := $(addprefix $(PKG)/usr/lib/x86_64-linux-gnu/,libext2fs.a libcom_err.a)
FSTESTS := $(filter $(BUILD)/tests/unit/fs_ext4%,$(UNIT))
$(FSTESTS): HLIBS += $(E2LIBS)
$(FSTESTS): $(HEXT4)
$(filter $(BUILD)/tests/unit/libc_% $(BUILD)/tests/unit/fs_%,$(UNIT)): \
	$(BUILD)/host/liblibc.a
# A test of the CPU's own code.
$(BUILD)/host/arch/x86_64/context.S.o: src/arch/x86_64/context.S
	@mkdir -p $(@D)
	$(Q)$(HCC) $(HFLAGS) -c $< -o $@
$(BUILD)/tests/unit/context: $(BUILD)/host/arch/x86_64/context.S.o
# Parsers of src/xen that need nothing of a hypervisor.
$(BUILD)/tests/unit/xs_wire: $(BUILD)/host/xen/xs_wire.c.o

# The TCP/IP stack under the sanitizers, on an interface of the test's.
HNET := $(patsubst src/%,$(BUILD)/host/%.o,$(wildcard src/net/*.c)) \
	$(LWIPOBJ:$(BUILD)/kernel/%=$(BUILD)/host/%)
$(BUILD)/host/lwip/%.o: $(LWIP)/.complete $(LWIPOWN)
	@mkdir -p $(@D)
	$(Q)$(HCC) $(HFLAGS) $(LWIPINC) -w $(LWIPRENAME) \
		-c $(LWIP)/src/$*.c -o $@
$(BUILD)/host/lwip/core/ipv4/ip4_frag.o: LWIPRENAME := -Dip4_frag=lwip_ip4_frag
$(BUILD)/host/lwip/core/ipv6/ip6_frag.o: LWIPRENAME := -Dip6_frag=lwip_ip6_frag
$(BUILD)/host/lwip/core/tcp_in.o: LWIPRENAME := -Dtcp_input=lwip_tcp_input
$(addprefix $(BUILD)/host/lwip/core/,ipv4/dhcp.o ipv6/nd6.o): \
	LWIPRENAME := -DLWIP_DNS=1
$(BUILD)/host/libnet.a: $(HNET) $(BUILD)/host/core/net_sum.c.o
	$(Q)rm -f $@ && ar rcs $@ $^
NETTEST := $(wildcard tests/unit/net_*.c tests/fuzz/net_*.c)
$(patsubst %,$(BUILD)/host/%.o,$(NETTEST) $(patsubst src/%,%, \
	$(wildcard src/net/*.c))): HFLAGS += $(LWIPINC)
$(patsubst %,$(BUILD)/host/%.o,$(NETTEST) $(patsubst src/%,%, \
	$(wildcard src/net/*.c))): | $(LWIP)/.complete
$(NETTEST:%.c=$(BUILD)/%): $(BUILD)/host/libnet.a
$(BUILD)/tests/unit/net_fit: \
	$(addprefix $(BUILD)/host/core/,net_fit.c.o net_frame.c.o)

SIM := $(patsubst tests/sim/%.c,$(BUILD)/tests/sim/%,$(wildcard tests/sim/*.c))
$(BUILD)/tests/sim/%: $(BUILD)/host/tests/sim/%.c.o $(HTEST) $(BUILD)/host/libsim.a
	@mkdir -p $(@D)
	$(Q)$(HCC) $(SAN) $^ -o $@ $(HLIBS)

# Shared folders are tested from libc's calls down to the rings.
P9TEST := $(addprefix $(BUILD)/tests/,sim/p9 sim/p9_late sim/p9_peer fuzz/p9)
$(P9TEST): $(BUILD)/host/liblibc.a
$(P9TEST): HLIBS += -Wl,--start-group $(BUILD)/host/liblibc.a \
	$(BUILD)/host/libsim.a -Wl,--end-group

# Each defines LLVMFuzzerTestOneInput; lib.c calls it (make soak: for longer).
FUZZ := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%, \
	$(filter-out %/lib.c,$(wildcard tests/fuzz/*.c)))
$(BUILD)/tests/fuzz/%: $(BUILD)/host/tests/fuzz/%.c.o \
		$(BUILD)/host/tests/fuzz/lib.c.o $(HCORE) $(HUNIX) \
		$(addprefix $(BUILD)/host/,xen/xs_wire.c.o qubes/qubesdb_map.c.o \
		qubes/qrexec_wire.c.o)
	@mkdir -p $(@D)
	$(Q)$(HCC) $(SAN) $^ -o $@ $(HLIBS)
# These need the simulated hypervisor.
$(addprefix $(BUILD)/tests/fuzz/,console memory_map netback p9 start_info): \
		$(BUILD)/tests/fuzz/%: $(BUILD)/host/tests/fuzz/%.c.o \
		$(BUILD)/host/tests/fuzz/lib.c.o $(HTEST) $(BUILD)/host/libsim.a
	@mkdir -p $(@D)
	$(Q)$(HCC) $(SAN) $^ -o $@ $(HLIBS)

FSFUZZ := $(addprefix $(BUILD)/tests/fuzz/,fs_ext4 fs_tar)
$(FSFUZZ): HLIBS += $(E2LIBS)
$(FSFUZZ): $(HEXT4) $(BUILD)/host/liblibc.a

GUEST := $(patsubst tests/guest/%.c,$(BUILD)/tests/guest/%.xen, \
	$(wildcard tests/guest/*.c))
$(BUILD)/tests/guest/%.xen: tests/guest/%.c $(SDK) $(BUILD)/fata
	@mkdir -p $(@D)
	$(Q)$(BUILD)/fata cc -O2 -g -Wall -Wextra -Itests $< -o $@

# The same sources, and the examples, as Linux processes under the sanitizers.
UNIXCC = $(BUILD)/fata cc -t unix -O1 -g -Wall -Wextra -Itests $(SAN)
$(BUILD)/tests/unix/example-%: examples/%/main.c $(SDK) $(BUILD)/fata
	@mkdir -p $(@D)
	$(Q)$(UNIXCC) $< -o $@
$(BUILD)/tests/unix/%: tests/guest/%.c $(SDK) $(BUILD)/fata
	@mkdir -p $(@D)
	$(Q)$(UNIXCC) -w $< -o $@

# Programs for tests in the lab: guests, and their peers in dom0, which are
# linked statically with Xen's own libraries.
LAB := $(patsubst tests/lab/%.c,$(BUILD)/tests/lab/%.xen, \
	$(wildcard tests/lab/*.c)) $(patsubst tests/lab/dom0/%.c, \
	$(BUILD)/tests/lab/dom0/%,$(wildcard tests/lab/dom0/*.c))
$(BUILD)/tests/lab/%.xen: tests/lab/%.c $(SDK) $(BUILD)/fata
	@mkdir -p $(@D)
	$(Q)$(BUILD)/fata cc -O2 -g -Wall -Wextra -Itests $< -o $@
$(BUILD)/tests/lab/dom0/scope: tests/lab/net_scope.c
$(BUILD)/tests/lab/dom0/net: tests/lib/noise.h
$(BUILD)/tests/lab/dom0/qubes: tests/lib/qubes.h
$(BUILD)/tests/lab/dom0/%: tests/lab/dom0/%.c | $(PKGSTAMP)
	@mkdir -p $(@D)
	$(Q)$(HCC) -O2 -g $(WARN) -D_GNU_SOURCE -isystem $(PKG)/usr/include \
		-static $< -o $@ -L$(PKG)/usr/lib/x86_64-linux-gnu \
		-lxenvchan -lxenevtchn -lxengnttab -lxenstore -lxentoolcore \
		-lxentoollog \
		-lpthread

# The tool's readers of files, under the sanitizers.
FUZZ_ELF := $(patsubst %,tools/fata/%.c,elf image words inspect inspect_json \
	util files core symblob domain xlcfg) src/core/parse.c
$(BUILD)/tests/fuzz/elf: tests/fuzz/elf.c $(FUZZ_ELF) $(wildcard tools/fata/*.h)
	@mkdir -p $(@D)
	$(Q)$(HCC) -std=gnu11 -O1 -g $(WARN) $(SAN) -D_GNU_SOURCE -Iinclude \
		-iquote tools/fata -iquote src $(filter %.c,$^) -o $@

# The simulator's reader of topologies, likewise.
FUZZ_TOPO := $(patsubst %,tools/fata/%.c,sim_topo sim_topo_link sim_event \
	sim_words sim_option sim_program util files) src/core/parse.c
$(BUILD)/tests/fuzz/topology: tests/fuzz/topology.c tests/fuzz/lib.c \
		$(FUZZ_TOPO) $(wildcard tools/fata/*.h)
	@mkdir -p $(@D)
	$(Q)$(HCC) -std=gnu11 -O1 -g $(WARN) $(SAN) -D_GNU_SOURCE -Iinclude \
		-iquote tools/fata -iquote src $(filter %.c,$^) -o $@

# --- what one types --------------------------------------------------------

all: $(SDK) $(BUILD)/fata $(BUILD)/lib/fata-capture $(EXAMPLES:%=$(BUILD)/examples/%.xen) ## everything but tests

tests: all sanitized $(UNIT) $(SIM) $(FUZZ) $(GUEST) $(LAB) ## build the tests

E ?= http
run: $(BUILD)/fata $(BUILD)/examples/$(E).xen ## boot a web server, fetch its page [E=hello]
	$(Q)scripts/run.sh "$(BUILD)" "$(E)"

check: ## run the tests [SUITE=unit|sim|fuzz|unix|guest|lab] [T=name]
	$(Q)tests/run.sh "$(BUILD)" "$(SUITE)" "$(T)"

soak: ## the same, each for as long as it takes to believe it
	$(Q)FATA_SOAK=1 tests/run.sh "$(BUILD)" "$(SUITE)" "$(T)"

N ?= 1000000
sims: ## N runs in the simulator with new seeds [N=1000000] [T=name]
	$(Q)tests/many.sh "$(BUILD)" "$(N)" "$(T)"

bench: all ## run the benchmarks [B=name] [M=wall]
	$(Q)bench/run.sh "$(BUILD)" "$(B)" "$(M)"

DESTDIR ?=
PREFIX  ?= /usr/local
install: $(SDK) $(BUILD)/fata $(BUILD)/lib/fata-capture ## the tool and what it needs [DESTDIR=] [PREFIX=]
	$(Q)scripts/install.sh "$(BUILD)" "$(VERSION)" "$(DESTDIR)" "$(PREFIX)"

lint: ## layer rule, style
	$(Q)scripts/layers.sh
	$(Q)scripts/style.sh

clean: ## remove what was built, keep what was fetched
	$(Q)rm -rf $(BUILD)/kernel $(BUILD)/host $(BUILD)/tools $(BUILD)/lib \
		$(BUILD)/tests $(BUILD)/examples $(BUILD)/bench $(BUILD)/fata $(BUILD)/include-xen

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile

.PHONY: all sanitized $(UNIXVARIANTS) tests run check soak sims bench install lint clean help
