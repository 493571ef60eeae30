# SPDX-License-Identifier: MIT
# A whole Debian 12 with systemd and Debian's tools of Xen as control domain.
# Only the long tests boot it. Making it takes root, some minutes, and 2 GiB.

DEBIAN_FILES := $(shell find tests/images/debian -type f)

$(IMG)/debian/disk.img: tests/images/mk_debian_root.sh $(DEBIAN_FILES) \
		tests/images/dom0/usr/lib/trellis/testshell
	@tests/images/mk_debian_root.sh $(@D)
