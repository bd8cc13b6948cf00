#!/bin/sh
# SPDX-License-Identifier: ISC
# install.sh BUILD VERSION DESTDIR PREFIX: what `make install` puts where.
#
#   PREFIX/bin/fata                    the tool; it finds the rest from there
#   PREFIX/lib/fata/include            Fata's headers (not in PREFIX/include:
#                                      that must never be on an image's path)
#   PREFIX/lib/fata/lib                the libraries and fata.ld
#   PREFIX/lib/fata/musl               musl's headers and start files
#   PREFIX/lib/fata/cmake              CMake's toolchain file
#   PREFIX/share/fata                  the lab's sources
#   PREFIX/share/man, .../pkgconfig, .../bash-completion, .../zsh
set -eu
build=$1 version=$2 prefix=$4
to=$3$4
case $prefix in
/*) ;;
*)
  echo "install: PREFIX=$prefix: not an absolute path" >&2
  exit 1
  ;;
esac

put() { # MODE FOLDER FILE...
  mode=$1 folder=$to/$2
  shift 2
  mkdir -p "$folder"
  for f; do install -m "$mode" "$f" "$folder/"; done
}

as() { # MODE FROM TO
  mkdir -p "$(dirname "$to/$3")"
  install -m "$1" "$2" "$to/$3"
}

tree() { # FROM FOLDER: a folder as it is, its old contents gone
  rm -rf "${to:?}/$2"
  mkdir -p "$to/$2"
  (cd "$1" && tar cf - .) | tar xof - -C "$to/$2"
}

musl=$build/pkg/dev/usr
put 755 bin "$build/fata"
tree include lib/fata/include
put 644 lib/fata/lib "$build"/lib/*.a "$build/lib/fata.ld"
put 755 lib/fata/lib "$build/lib/fata-capture"
tree "$musl/include/x86_64-linux-musl" lib/fata/musl/include
for f in "$musl"/lib/x86_64-linux-musl/*; do
  # libc.a proper is ours (scripts/dehlt.sh); the rest is empty archives
  case $f in */libc.a | *.so* | *.specs) continue ;; esac
  put 644 lib/fata/musl/lib "$f"
done
put 644 lib/fata/musl "$musl/share/doc/musl-dev/copyright"

tree tools/fata/cmake lib/fata/cmake

put 755 share/fata/lab lab/*.sh
put 644 share/fata/lab lab/*.[ch]
tree lab/dom0 share/fata/lab/dom0
[ ! -d lab/guest ] || tree lab/guest share/fata/lab/guest
put 755 share/fata/scripts scripts/pkg.sh

put 644 share/man/man1 docs/man/*.1
as 644 tools/fata/completion.bash share/bash-completion/completions/fata
as 644 tools/fata/completion.zsh share/zsh/site-functions/_fata
mkdir -p "$to/share/pkgconfig"
sed -e "s|@PREFIX@|$prefix|" -e "s|@VERSION@|$version|" \
  tools/fata/fata.pc.in > "$to/share/pkgconfig/fata.pc"
put 644 share/doc/fata LICENSE README.md
as 644 "$build/pkg/dev/usr/share/doc/libext2fs-dev/copyright" \
  share/doc/fata/copyright.libext2fs
