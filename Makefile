# SPDX-License-Identifier: ISC
# Fata. `make help` lists what there is; docs/building.md says more.

B     ?= build
CC    ?= gcc
ifeq ($(origin CC),default)
CC    := gcc
endif
O     ?= -O2
V     ?= 0
Q     := $(if $(filter 0,$(V)),@)

.DEFAULT_GOAL := all
.SUFFIXES:
.SECONDARY:
.DELETE_ON_ERROR:

include scripts/packages.mk

# --- the library that images link with ---------------------------------

WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wvla
MUSL    := $(PKG)/usr/include/x86_64-linux-musl
XENHDR  := $(B)/include-xen
GCCHDR   = $(shell $(CC) -print-file-name=include)
KFLAGS   = -std=gnu11 $(O) -g $(WARN) -ffreestanding -fno-pic -fno-pie \
	-mno-red-zone -mgeneral-regs-only -mcmodel=small \
	-fstack-protector-strong -mstack-protector-guard=global \
	-fcf-protection -fno-omit-frame-pointer \
	-ffunction-sections -fdata-sections -fno-common \
	-fno-asynchronous-unwind-tables -fno-strict-aliasing \
	-nostdinc -isystem $(MUSL) -isystem $(GCCHDR) -isystem $(XENHDR) \
	-Iinclude -Isrc -D__XEN_INTERFACE_VERSION__=0x00040e00 -D__FATA_XEN__ -D_GNU_SOURCE

KSRC := $(wildcard src/*.c $(addprefix src/,$(addsuffix /*.[cS], \
	arch/x86_64 core xen drivers net fs libc)))
KOBJ := $(patsubst src/%,$(B)/kernel/%.o,$(KSRC))

# Names beginning with fata$ are ours; only what include/fata names, and what
# libc expects of us, is visible to a program (scripts/export.sh).
$(B)/lib/libfata.a: $(KOBJ) scripts/export.sh src/libc/exports \
		$(wildcard include/fata/*.h include/fata/xen/*.h)
	$(Q)scripts/export.sh $@ src/libc/exports $(KOBJ)

$(B)/kernel/%.c.o: src/%.c | $(PKGSTAMP) $(XENHDR)/xen/xen.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(KFLAGS) -MMD -MP -c $< -o $@
$(B)/kernel/%.S.o: src/%.S | $(PKGSTAMP) $(XENHDR)/xen/xen.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(KFLAGS) -D__ASSEMBLY__ -MMD -MP -c $< -o $@
-include $(KOBJ:.o=.d)

$(B)/lib/fata.ld: src/arch/x86_64/link.ld
	@mkdir -p $(@D)
	$(Q)cp $< $@

# musl's failure paths execute hlt, which in ring 0 merely waits.
$(B)/lib/libc.a: $(PKGSTAMP) scripts/dehlt.sh
	@mkdir -p $(@D)
	$(Q)scripts/dehlt.sh $(PKG)/usr/lib/x86_64-linux-musl/libc.a $@

SDK := $(B)/lib/libfata.a $(B)/lib/fata.ld $(B)/lib/libc.a

# --- the tool ------------------------------------------------------------

TOOLSRC := $(wildcard tools/fata/*.c)
# The guest and the tool judge a parameter's value with the same code.
TOOLOBJ := $(patsubst tools/%.c,$(B)/tools/%.o,$(TOOLSRC)) \
	$(B)/tools/lab/proto.o $(B)/tools/core/parse.o
TFLAGS   = -std=gnu11 -O2 -g $(WARN) -fstack-protector-strong -D_GNU_SOURCE \
	-Iinclude -iquote src -DFATA_VERSION='"$(VERSION)"'
VERSION := 0.1

$(B)/fata: $(TOOLOBJ)
	$(Q)$(CC) $^ -o $@
$(B)/tools/%.o: tools/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(TFLAGS) -MMD -MP -c $< -o $@
# what the tool and the agent in the lab's dom0 share
$(B)/tools/lab/%.o: lab/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(TFLAGS) -MMD -MP -c $< -o $@
$(B)/tools/core/%.o: src/core/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(TFLAGS) -MMD -MP -c $< -o $@
-include $(TOOLOBJ:.o=.d)

# --- examples --------------------------------------------------------------

EXAMPLES := $(patsubst examples/%/main.c,%,$(wildcard examples/*/main.c))
$(B)/examples/%.xen: examples/%/main.c $(SDK) $(B)/fata
	@mkdir -p $(@D)
	$(Q)$(B)/fata cc -O2 -g -Wall -Wextra $< -o $@

# --- host builds: core + unix twin, and core + xen + drivers for the sim ----

HCC    ?= gcc
SAN    := -fsanitize=address,undefined -fno-sanitize-recover=undefined
HFLAGS  = -std=gnu11 -O1 -g $(WARN) $(SAN) -fno-omit-frame-pointer \
	-D_GNU_SOURCE -Iinclude -Isrc -isystem $(XENHDR) \
	-isystem $(PKG)/usr/include -D__XEN_INTERFACE_VERSION__=0x00040e00
HLIBS   = -L$(PKG)/usr/lib/x86_64-linux-gnu -l:libcmocka.so.0 \
	-Wl,-rpath,$(abspath $(PKG))/usr/lib/x86_64-linux-gnu

HCORE := $(patsubst src/%,$(B)/host/%.o,$(filter-out src/core/string.c, \
	$(wildcard src/core/*.c)))
HUNIX := $(patsubst src/%,$(B)/host/%.o,$(wildcard src/unix/*.c))
# The simulator brings its own hypercalls, boot, clock and memory; of ours it
# takes, from an archive, what those leave open.
SIM_OWN := $(addprefix src/xen/,hypercall.c platform.c setup.c clock.c)
HXEN  := $(patsubst src/%,$(B)/host/%.o,$(filter-out $(SIM_OWN), \
	$(wildcard src/xen/*.c src/drivers/*.c)))
$(B)/host/libsim.a: $(HCORE) $(HXEN) $(B)/host/unix/context.c.o
	$(Q)rm -f $@ && ar rcs $@ $^
HTEST := $(patsubst tests/%,$(B)/host/tests/%.o,$(wildcard tests/lib/*.c))

$(B)/host/tests/%.c.o: tests/%.c | $(PKGSTAMP) $(XENHDR)/xen/xen.h
	@mkdir -p $(@D)
	$(Q)$(HCC) $(HFLAGS) -Itests -MMD -MP -c $< -o $@
$(B)/host/%.c.o: src/%.c | $(PKGSTAMP) $(XENHDR)/xen/xen.h
	@mkdir -p $(@D)
	$(Q)$(HCC) $(HFLAGS) -MMD -MP -c $< -o $@
-include $(wildcard $(B)/host/*/*.d $(B)/host/tests/*/*.d)

UNIT := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/*.c))
$(B)/tests/unit/%: $(B)/host/tests/unit/%.c.o $(HCORE) $(HUNIX)
	@mkdir -p $(@D)
	$(Q)$(HCC) $(SAN) $^ -o $@ $(HLIBS)
# Parsers of src/xen that need nothing of a hypervisor.
$(B)/tests/unit/xs_wire: $(B)/host/xen/xs_wire.c.o

SIM := $(patsubst tests/sim/%.c,$(B)/tests/sim/%,$(wildcard tests/sim/*.c))
$(B)/tests/sim/%: $(B)/host/tests/sim/%.c.o $(HTEST) $(B)/host/libsim.a
	@mkdir -p $(@D)
	$(Q)$(HCC) $(SAN) $^ -o $@ $(HLIBS)

GUEST := $(patsubst tests/guest/%.c,$(B)/tests/guest/%.xen, \
	$(wildcard tests/guest/*.c))
$(B)/tests/guest/%.xen: tests/guest/%.c $(SDK) $(B)/fata
	@mkdir -p $(@D)
	$(Q)$(B)/fata cc -O2 -g -Wall -Wextra -Itests $< -o $@

# --- what one types --------------------------------------------------------

all: $(SDK) $(B)/fata $(EXAMPLES:%=$(B)/examples/%.xen) ## everything but tests

tests: all $(UNIT) $(SIM) $(GUEST) ## build the tests

run: $(B)/fata $(B)/examples/hello.xen ## boot the main example on a real Xen
	$(Q)$(B)/fata run $(B)/examples/hello.xen

check: ## run the tests [SUITE=unit|sim|fuzz|guest|lab] [T=name]
	$(Q)tests/run.sh "$(B)" "$(SUITE)" "$(T)"

bench: all ## run the benchmarks [B=name] [M=wall]
	$(Q)bench/run.sh "$(B)" "$(N)" "$(M)"

DESTDIR ?=
PREFIX  ?= /usr/local
install: $(SDK) $(B)/fata ## the tool and what it needs [DESTDIR=] [PREFIX=]
	$(Q)scripts/install.sh "$(B)" "$(VERSION)" "$(DESTDIR)" "$(PREFIX)"

lint: ## layer rule, style
	$(Q)scripts/layers.sh
	$(Q)scripts/style.sh

clean: ## remove what was built, keep what was fetched
	$(Q)rm -rf $(B)/kernel $(B)/host $(B)/tools $(B)/lib $(B)/tests \
		$(B)/examples $(B)/bench $(B)/fata $(B)/include-xen

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile

.PHONY: all tests run check bench install lint clean help
