#!/bin/sh
# SPDX-License-Identifier: ISC
#
# src.sh DESTDIR PACKAGE - fetches and unpacks one Debian source package.
#
# Upstream's sources with Debian's patches on top, nothing else. They come from
# the places that this system takes its packages from. What was fetched is kept
# in FATA_CACHE (default ~/.cache/fata) and checked against the hashes of the
# signed package list each time. A second call returns at once.
# Exit: 0, or 1 after one line on stderr that says what is wrong.
set -eu

die() {
  echo "src: $*" >&2
  exit 1
}

[ $# = 2 ] || die "usage: src.sh DESTDIR PACKAGE"
dest=$1 package=$2
[ ! -e "$dest/.complete" ] || exit 0
for tool in apt-get tar patch flock; do
  command -v $tool >/dev/null || die "needs $tool"
done
cache=${FATA_CACHE:-$HOME/.cache/fata}
mkdir -p "$cache/src/$package" "$cache/src/lists/partial" \
  "$cache/src/apt/archives/partial" "$(dirname "$dest")" ||
  die "cannot write in $cache or beside $dest"
cache=$(cd "$cache/src" && pwd)
exec 9>"$cache/lock"
flock -w 1800 9 || die "$cache is locked by another"
tmp=$dest.tmp.$$
trap 'rm -rf "$tmp" "$cache/err.$$"' EXIT

# The system's own list of places, asked for sources.
sources() {
  rm -rf "$cache/sources.d"
  mkdir "$cache/sources.d"
  for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -e "$f" ] && sed -n 's/^deb /deb-src /p' "$f"
  done | grep -i debian >"$cache/sources.d/a.list" || true
  for f in /etc/apt/sources.list.d/*.sources; do
    [ -e "$f" ] && grep -qi debian "$f" &&
      sed 's/^Types:.*/Types: deb-src/' "$f" \
        >"$cache/sources.d/$(basename "$f")"
  done
  :
}

apt() {
  apt-get -qq -o Dir::Etc::sourcelist=/dev/null \
    -o Dir::Etc::sourceparts="$cache/sources.d" \
    -o Dir::State::lists="$cache/lists" -o Dir::Cache="$cache/apt" \
    -o APT::Sandbox::User= -o Acquire::Retries=2 "$@" 2>"$cache/err.$$"
}

fetch() {
  (cd "$cache/$package" && apt --download-only source "$package" >/dev/null)
}

sources
if ! fetch; then
  echo "src: fetching lists of source packages" >&2
  apt update >/dev/null || true
  fetch || die "cannot fetch $package: $(grep -m1 '^E:' "$cache/err.$$" ||
    echo 'no place for source packages is known')"
fi
dsc=$(ls -t "$cache/$package"/*.dsc | head -n 1)
mkdir -p "$tmp"
for f in $(sed -n '/^Checksums-Sha256:/,/^[^ ]/s/^ .* //p' "$dsc"); do
  case $f in
  *.orig.tar.*.asc | *.debian.tar.*) ;;
  *.tar.*) tar xf "$cache/$package/$f" -C "$tmp" --strip-components=1 ||
    die "cannot unpack $f" ;;
  esac
done
tar xf "$cache/$package"/*.debian.tar.* -C "$tmp" || die "cannot unpack patches"
if [ -e "$tmp/debian/patches/series" ]; then
  grep -v '^ *#' "$tmp/debian/patches/series" | while read -r p _; do
    [ -n "$p" ] || continue
    patch -d "$tmp" -p1 -s -f <"$tmp/debian/patches/$p" ||
      die "patch $p does not apply"
  done
fi
touch "$tmp/.complete"
rm -rf "$dest"
mv "$tmp" "$dest"
