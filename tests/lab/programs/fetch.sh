# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# fetch.sh - other people's programs, from Debian's source packages, built with
# an installed SDK as their own documents say. For tests/lab/programs.sh and
# bench/libc.sh, which source it.
#
# Interface: B is the build folder; $programs has what is built, and `sdk`. Each
# function returns 1 after a line on stderr when something fails. Objects are
# kept between runs, the last link is always made anew.

programs=$B/tests/programs

# A command of the host's, or of a Debian package that is only unpacked.
host_tool() # COMMAND PACKAGE
{
  local at=$B/pkg/tools

  command -v "$1" >/dev/null && return
  scripts/pkg.sh "$at" "$2" || return
  PATH=$PATH:$at/usr/bin
  export LD_LIBRARY_PATH=$at/usr/lib/x86_64-linux-gnu
  export TCL_LIBRARY=$at/usr/share/tcltk/tcl8.6
  command -v "$1" >/dev/null
}

quietly() # COMMAND...; its output only if it fails
{
  local log=$programs/log.$BASHPID status

  "$@" >"$log" 2>&1 </dev/null && rm -f "$log" && return
  status=$?
  tail -n 20 "$log" >&2
  rm -f "$log"
  echo "programs: failed: $*" >&2
  return $status
}

# make install, and what pkg-config tells about it.
install_sdk()
{
  local at=$programs/dest/opt/fata

  host_tool pkg-config pkgconf-bin || return
  mkdir -p "$programs"
  rm -rf "$programs/dest" "$programs/sdk"
  quietly make -s BUILD="$B" install DESTDIR="$programs/dest" \
    PREFIX=/opt/fata || return
  mv "$at" "$programs/sdk" || return
  export PKG_CONFIG_LIBDIR=$programs/sdk/share/pkgconfig
  sdk_cc=$(pkg-config --define-variable=prefix="$programs/sdk" \
    --variable=cc fata) || return
  sdk_toolchain=$(pkg-config --define-variable=prefix="$programs/sdk" \
    --variable=toolchain fata)
}

source_of() # PACKAGE
{
  [ -e "$programs/$1/.complete" ] || scripts/src.sh "$programs/$1" "$1"
}

lua_header() # which Debian's rules make
{
  echo '#define DEB_HOST_MULTIARCH "x86_64-linux-musl"' \
    >"$programs/lua5.4/src/lua5.4-deb-multiarch.h"
}

# Without Lua's Makefile, which in Debian wants libtool: one command.
build_lua() # OUT CC...
{
  local out=$1 at=$programs/lua5.4/src files=() f

  shift
  source_of lua5.4 && lua_header || return
  for f in "$at"/*.c; do
    case $f in */luac.c) ;; *) files+=("$f") ;; esac
  done
  quietly "$@" -std=gnu99 -O2 -DLUA_USE_POSIX "${files[@]}" -o "$out" -lm
}

# By its own configure: the shell and the speed test. zlib might be found that
# the host has for itself, without its header.
build_sqlite()
{
  local at=$programs/sqlite3

  source_of sqlite3 && host_tool tclsh tcl8.6 || return
  (
    cd "$at" || exit
    [ -e Makefile ] || quietly ./configure --build=x86_64-linux-gnu \
      --host=x86_64-linux-musl CC="$sdk_cc" CFLAGS=-O1 --disable-shared \
      --disable-tcl --disable-readline --disable-load-extension \
      ac_cv_search_deflate=no || exit
    rm -f sqlite3 speedtest1
    quietly make CROSS_BUILDING=yes sqlite3 speedtest1
  )
}

build_zlib()
{
  source_of zlib || return
  (
    cd "$programs/zlib" || exit
    [ -e configure.log ] || CC="$sdk_cc" quietly ./configure --static || exit
    rm -f example minigzip
    quietly make example minigzip
  )
}

# By CMake with the toolchain file.
build_mbedtls()
{
  local at=$programs/mbedtls

  source_of mbedtls && host_tool cmake cmake || return
  [ -e "$at/b/Makefile" ] ||
    quietly cmake -S "$at" -B "$at/b" -DENABLE_TESTING=OFF \
      -DCMAKE_TOOLCHAIN_FILE="$sdk_toolchain" -DCMAKE_C_FLAGS=-O1 || return
  rm -f "$at/b/programs/test/selftest"
  quietly make -C "$at/b" -j2 selftest
}

# By one command again.
build_mujs() # OUT CC...
{
  local out=$1 at=$programs/mujs

  shift
  source_of mujs || return
  quietly "$@" -std=c99 -O2 "$at/one.c" "$at/main.c" -o "$out" -lm
}

# The pool of threads that zstd compresses with, by its own Makefile.
build_zstd()
{
  source_of libzstd || return
  rm -f "$programs/libzstd/tests/poolTests"
  quietly make -C "$programs/libzstd/tests" CC="$sdk_cc" DEBUGLEVEL=0 poolTests
}
