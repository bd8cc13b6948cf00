#!/bin/bash
# SPDX-License-Identifier: ISC
#
# p9.sh - a folder of dom0 beside Linux: the same program in a Fata guest and in
# Debian's Linux as a PVH guest, on the same folder in dom0's memory through
# QEMU's 9pfs backend, one after the other. Neither keeps anything: each call
# asks the server (Linux: cache=none, its default).
#
# Interface: p9.sh BUILD, from the root of the sources; see bench/lab.sh.
# OPTIONS (msize=131072, Linux' default): more of Linux' mount options.
#   read-4K           pread at a random place, one after the other
#   open-read-close   a small file in whole
#   cpu-guest-...     CPU time of the guest for each call (of 128 KiB, where it
#                     reads or writes in sequence; for a listing of 100 names)
#   cpu-dom0-...      of dom0
build=${1:?usage: p9.sh BUILD}
# shellcheck source=bench/lab.sh
. bench/lab.sh
share='p9 = ["tag=share,path=/tmp/share,security_model=none"]'

"$fata" cc -O2 -g bench/p9/p9.c -o "$tmp/fata.xen"
musl_program "$tmp/p9" bench/p9/p9.c
cat >"$tmp/script" <<END
#!/bin/sh
for m in netfs fscache 9pnet 9pnet_xen 9p; do
  insmod ./\$m.ko || exit
done
mkdir /mnt
mount -t 9p -o trans=xen,version=9p2000.L,${OPTIONS:-msize=131072} share /mnt &&
  ./p9
END
bench_lab
modules=()
for m in netfs fscache 9pnet 9pnet_xen 9p; do
  file=$(find "$FATA_LAB_DIR/pkg/lib/modules" -name "$m.ko" | head -n 1)
  [ -n "$file" ] || die "the lab has no module $m"
  modules+=(-f "$file")
done
FATA=$fata lab/dom0-qemu.sh || die "no QEMU in dom0"
bench_sampler
guest_config fata "$tmp/fata.xen" "$share" 'extra = "--mount share:/mnt:9p"'
lab/linux-guest.sh -n -f "$tmp/p9" "${modules[@]}" -s "$tmp/script" linux \
  "$share" || die "no Linux guest"

for who in linux fata; do
  {
    cat "$tmp/life"
    echo "rm -rf /tmp/share; mkdir /tmp/share
      { until id=\$(xl domid $who 2>/dev/null); do usleep 20000; done
        /tmp/sample \$id >/tmp/samples; } &
      life $who 300"
  } >"$tmp/$who.sh"
  timeout 900 "$fata" lab exec "$(cat "$tmp/$who.sh")" </dev/null \
    >"$tmp/$who.log" || die "the guest $who does not end"
  grep -q '^bench: done' "$tmp/$who.log" || die "$who: $(tail -1 "$tmp/$who.log")"
  timeout 60 "$fata" lab get /tmp/samples "$tmp/$who.samples"
  awk -v who=$who "$samples_awk"'
    function each(column) { return (at($7, column) - at($6, column)) / $5 / 1e3 }
    $1 == "row" {
      print who, $2, $3, $4
      printf "%s cpu-guest-%s us %.1f\n", who, $2, each(3)
      printf "%s cpu-dom0-%s us %.1f\n", who, $2, each(2)
    }' "$tmp/$who.samples" "$tmp/$who.log" >>"$tmp/figures"
done
bench_medians "$tmp/figures" | bench_table p9
