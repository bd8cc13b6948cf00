# SPDX-License-Identifier: ISC
# The Debian packages that the build reads, unpacked into the build folder
# without root; nothing is installed over the user's system.

PKG      := $(BUILD)/pkg/dev
PKGSTAMP := $(PKG)/.complete
PKGS     := musl-dev libxen-dev libcmocka0 libcmocka-dev libslirp-dev

$(PKGSTAMP): scripts/pkg.sh scripts/packages.mk
	$(Q)scripts/pkg.sh $(PKG) $(PKGS)
	@touch $@

# Xen's public headers alone, so that no glibc header can slip in beside them.
$(BUILD)/include-xen/xen/xen.h: $(PKGSTAMP)
	@mkdir -p $(BUILD)/include-xen
	$(Q)cp -r $(PKG)/usr/include/xen $(BUILD)/include-xen/
	@touch $@
