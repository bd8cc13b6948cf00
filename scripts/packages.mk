# SPDX-License-Identifier: ISC
# The Debian packages that the build reads, unpacked into the build folder
# without root; nothing is installed over the user's system.

PKG      := $(BUILD)/pkg/dev
PKGSTAMP := $(PKG)/.complete
PKGS     := musl-dev libxen-dev libcmocka0 libcmocka-dev libslirp-dev \
	libext2fs-dev comerr-dev libsqlite3-dev

$(PKGSTAMP): scripts/pkg.sh scripts/packages.mk
	$(Q)scripts/pkg.sh $(PKG) $(PKGS)
	@touch $@

# Xen's public headers alone, so that no glibc header can slip in beside them.
$(BUILD)/include-xen/xen/xen.h: $(PKGSTAMP)
	@mkdir -p $(BUILD)/include-xen
	$(Q)cp -r $(PKG)/usr/include/xen $(BUILD)/include-xen/
	@touch $@

# libext2fs's headers, likewise.
E2HDR := $(BUILD)/include-ext2fs
$(E2HDR)/ext2fs/ext2fs.h: $(PKGSTAMP)
	@mkdir -p $(E2HDR)
	$(Q)cp -r $(addprefix $(PKG)/usr/include/,ext2fs et com_err.h) $(E2HDR)/
	$(Q)cp -r $(PKG)/usr/include/x86_64-linux-gnu/ext2fs $(E2HDR)/ \
		2>/dev/null || true
	@touch $@

# SQLite's header, for the example.
$(BUILD)/include-sqlite/sqlite3.h: $(PKGSTAMP)
	@mkdir -p $(@D)
	$(Q)cp $(PKG)/usr/include/sqlite3.h $@
	@touch $@
