#!/bin/sh
# SPDX-License-Identifier: ISC
# layers.sh: who may include whom (docs/architecture.md), checked on every
# include line under src. "fata" is the contract, include/fata.
set -eu
status=0

check() { # FOLDER PATTERN-OF-FORBIDDEN REASON
  [ -d "src/$1" ] || return 0
  # shellcheck disable=SC2044 # no blanks in our file names
  for f in $(find "src/$1" -name '*.[chS]'); do
    if grep -nE "^ *# *include +[<\"]($2)" "$f" /dev/null; then
      echo "layers: $f: $3" >&2
      status=1
    fi
  done
}

check core 'xen/|arch/|drivers/|net/|fs/|libc/|unix/|fata/xen/' \
  'core knows neither CPU nor Xen'
check arch 'xen/|drivers/|net/|fs/|libc/|unix/|fata/xen/' \
  'arch knows no Xen and no device'
check xen 'drivers/|net/|fs/|libc/|unix/' 'xen knows no device'
check drivers 'arch/|net/|fs/|libc/|unix/' 'drivers know no CPU'
check net 'arch/|xen/|drivers/|unix/' 'net sits on the contract'
check fs 'arch/|xen/|drivers/|unix/' 'fs sits on the contract'
check qubes 'arch/|xen/|drivers/|net/|fs/|libc/|unix/' \
  'qubes sits on the contract'
check libc 'xen/|drivers/|unix/' 'libc sits on the contract'
# Xen's own headers are free to the backends in dom0, and so is the form of
# xenstore's messages, which is the same over a socket.
# shellcheck disable=SC2010 # no blanks in our file names
own=$(ls src/xen | grep '\.h$' | grep -v '^xs_conn' | tr '\n' '|')
check unix "arch/|xen/(${own%|})|drivers/" \
  'unix replaces arch, xen and drivers'
for f in examples/*/*.c; do
  [ -e "$f" ] || continue
  if grep -nE '^ *# *include +[<"](core|arch|xen|drivers|libc|unix)/' "$f" /dev/null; then
    echo "layers: $f: an application includes fata/ only" >&2
    status=1
  fi
done
[ $status = 0 ] && echo "layers: in order"
exit $status
