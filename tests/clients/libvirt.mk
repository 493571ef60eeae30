# SPDX-License-Identifier: MIT
# The control domain with Debian's tools, and Debian's libvirt on top of it.
# Only the long tests boot it.

# What links to libvirt's parts is linked to these.
LIBVIRT_LIBS := libacl1 libaudit1 libblkid1 libbrotli1 libcap-ng0 libcap2 \
	libcom-err2 libcurl3-gnutls libdbus-1-3 libdevmapper1.02.1 \
	libgcrypt20 libglib2.0-0 libgmp10 libgnutls30 libgpg-error0 \
	libgssapi-krb5-2 libhogweed6 libicu72 libidn2-0 libk5crypto3 \
	libkeyutils1 libkrb5-3 libkrb5support0 libldap-2.5-0 liblz4-1 \
	liblzma5 libmount1 libnettle8 libnghttp2-14 libnl-3-200 \
	libnuma1 libp11-kit0 libparted2 libpcap0.8 libpciaccess0 \
	libpcre2-8-0 libpsl5 libreadline8 librtmp1 libsasl2-2 \
	libselinux1 libssh-4 libssh2-1 libssl3 libstdc++6 libsystemd0 \
	libtasn1-6 libtinfo6 libtirpc3 libudev1 libunistring2 libuuid1 \
	libxml2 libzstd1 zlib1g
LIBVIRT_PKGS := libvirt-daemon libvirt-daemon-driver-xen \
	libvirt-daemon-system libvirt-clients libvirt0 dmidecode \
	$(LIBVIRT_LIBS)
LIBVIRT_PKG_DONE := $(LIBVIRT_PKGS:%=$(PKG)/%/.done)

$(LIBVIRT_PKG_DONE) &: tests/images/fetch.sh
	@$(FETCH) $(LIBVIRT_PKGS)
	@touch $(LIBVIRT_PKG_DONE)

LIBVIRT := $(IMG)/libvirt
LIBVIRT_FILES := $(shell find tests/clients/libvirt -type f)

$(LIBVIRT)/.done: $(LIBVIRT_PKG_DONE) tests/clients/libvirt.mk
	@rm -rf $(LIBVIRT)
	@mkdir -p $(LIBVIRT)/usr/share
	@for d in libvirt-daemon/usr/bin libvirt-daemon/usr/lib \
		libvirt-daemon/usr/sbin libvirt-daemon-driver-xen/usr/lib \
		libvirt-clients/usr/bin dmidecode/usr/sbin; do \
		cp -rL $(PKG)/$$d $(LIBVIRT)/usr; done
	@cp -r $(PKG)/libvirt0/usr/share/libvirt $(LIBVIRT)/usr/share
	@for p in libvirt-daemon-system libvirt-clients; do \
		cp -r $(PKG)/$$p/etc $(LIBVIRT); done
	@touch $@

$(IMG)/dom0-libvirt.cpio: $(INITRAMFS_MAKER) $(DOM0_FILES) $(CLIENTS_FILES) \
		$(CLIENTS)/.done $(LIBVIRT_FILES) $(LIBVIRT)/.done \
		$(CLIENTS_PROGRAMS)
	@$(CLIENTS_IMAGE) --files $(LIBVIRT) --files tests/clients/libvirt \
		$$(find $(LIBVIRT)/usr -name '*.so' -printf '--needs %p ') \
		$$(find $(LIBVIRT)/usr -type f -perm -1 -printf '--needs %p ') \
		$(foreach p,$(LIBVIRT_PKGS) $(STRESS_PKGS),--libs $(PKG)/$(p))
