#!/bin/bash
# SPDX-License-Identifier: ISC
#
# tool_net.sh - `fata run --forward` and `--pcap`: what is said about options
# that make no sense, before anything boots.

# shellcheck source=tests/unit/lib.sh
. "$(dirname "$0")/lib.sh"

image wants.xen 'FATA_NET("lan");
	static int ip(const char *s) { (void)s; return 0; }
	FATA_PARAM_LIST(ip, "ip", "", "address");'
image plain.xen
run() { "$fata" run --lab "$@"; }
net() { run --net lan=xenbr0 "$@"; }

for bad in '' 80 :80 80: x:80 80:x 0:80 80:65536 1:2:3:4:; do
	refused 2 "--forward .*: expected PORT:GUEST-PORT" \
		net --forward "$bad" wants.xen
done
refused 2 "'10.0.2.x' is no IPv4 address" \
	net --forward 8080:10.0.2.x:80 wants.xen
refused 2 "--forward 8080:80: the guest's address is unknown" \
	net --forward 8080:80 wants.xen
refused 2 "the guest's address is unknown" \
	net --forward 8080:80 wants.xen --ip lan=dhcp
refused 2 "the guest's address is unknown" \
	net --forward 8080:80 wants.xen -- --ip 10.0.2.20/24
refused 125 '--pcap: the guest has no network interface' \
	run --pcap file plain.xen
refused 125 '--pcap: /no/where/file: No such file' \
	net --pcap /no/where/file wants.xen
finish
