#!/bin/sh
# SPDX-License-Identifier: ISC
#
# pkg.sh - unpack Debian packages into a folder, without installing anything.
#
# The lab and some builds need software that the user's system need not have
# (Xen, a Linux kernel, QEMU). Nobody should have to be root for that, nor find
# new services on the machine afterwards.
#
# Interface: pkg.sh DESTDIR PKG...
#   DESTDIR gets the packages' files, and those of the packages that they depend
#   on and that this host lacks. DESTDIR only ever holds whole packages: files
#   are unpacked beside it and renamed. A second call with the same packages
#   returns at once. Any number of calls may run at the same time.
#   Environment: FATA_CACHE (default ~/.cache/fata) keeps archives and lists.
#   Exit: 0, or 1 after one line on stderr that says what is wrong.

set -eu

die()
{
  echo "pkg: $*" >&2
  exit 1
}

say()
{
  echo "pkg: $*" >&2
}

[ $# -ge 2 ] || die "usage: pkg.sh DESTDIR PACKAGE..."
dest=$1
shift
for p; do
  case $p in
  '' | -* | *[!a-z0-9.+:-]*) die "'$p' is not a package name" ;;
  esac
done

want=$(printf '%s\n' "$@" | sort -u | tr '\n' ' ')
stamp=.pkg/$(printf '%s' "$want" | sha256sum | cut -c1-16)
[ ! -e "$dest/$stamp" ] || exit 0

for tool in apt-get dpkg-deb flock sha256sum; do
  command -v $tool >/dev/null ||
    die "needs $tool, found on Debian and its relatives only"
done
[ -n "${FATA_CACHE:-}${HOME:-}" ] || die "neither FATA_CACHE nor HOME is set"
cache=${FATA_CACHE:-$HOME/.cache/fata}
mkdir -p "$cache/archives/partial" "$cache/lists/partial" "$cache/apt" \
  2>/dev/null || die "cannot create the cache folder $cache"
cache=$(cd "$cache" && pwd)
parent=$(dirname "$dest")
mkdir -p "$parent" 2>/dev/null || die "cannot create $parent"
dest=$(cd "$parent" && pwd)/$(basename "$dest")

# One lock for the folder, one for the cache, always in this order.
lock()
{
  flock -n "$1" && return
  say "waiting for another pkg.sh ($2)"
  flock -w 1800 "$1" || die "$2 is still locked after 30 minutes"
}
exec 9>"$dest.lock" || die "cannot write beside $dest"
lock 9 "$dest"
[ ! -e "$dest/$stamp" ] || exit 0
exec 8>"$cache/lock" || die "cannot write in $cache"
lock 8 "$cache"

tmp=$dest.tmp.$$
err=$cache/apt/err.$$
list=$cache/apt/list.$$
part=$cache/archives/partial/pkg.$$
cleanup()
{
  if [ -d "$tmp.old" ] && [ ! -d "$dest" ]; then
    mv "$tmp.old" "$dest"
  fi
  rm -rf "$tmp" "$tmp.old" "$err" "$list" "$part"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# Our own package-manager state: the system's list of installed packages (read
# only), our own caches, and either the system's package lists or our own.
case $cache in
*[[:space:]]*) die "the cache folder's name has a space: $cache" ;;
esac
private=
apt()
{
  command=$1
  shift
  # shellcheck disable=SC2086 # $private is one option or none
  "$command" -qq -o Debug::NoLocking=1 -o APT::Sandbox::User= \
    -o Dir::Cache="$cache/apt" -o APT::Install-Recommends=0 \
    -o APT::Get::Assume-Yes=1 -o Acquire::Retries=2 \
    -o Acquire::http::Timeout=60 $private "$@" 2>"$err"
}

# the first line of what apt said, without its prefix
why()
{
  sed -n '/^[EW]: /{s/^[EW]: //;p;q;}' "$err"
}

# Goes from the system's package lists to our own, and from our own to new ones;
# fails when the lists are as new as can be.
level=0
better_lists()
{
  private="-o Dir::State::lists=$cache/lists"
  if [ $level = 0 ] && [ -n "$(find "$cache/lists" -maxdepth 1 \
    -name '*_Packages*' -mtime -1 2>/dev/null)" ]; then
    level=1
    return 0
  fi
  [ $level != 2 ] || return 1
  level=2
  say "fetching package lists"
  apt apt-get update >/dev/null || die "no package lists: $(why)"
  # a failed download of a list is only a warning to apt
  ls "$cache"/lists/*_Packages* >/dev/null 2>&1 ||
    die "no package lists: $(why)"
}

# Writes "URI file size SHA256:hash" for each archive that is needed.
resolve()
{
  deps=$(apt apt-get -s install "$@" |
    sed -n 's/^Inst \([^ ]*\) \(\[[^]]*\] \)\{0,1\}(\([^ ]*\) .*/\1=\3/p') ||
    return 1
  [ ! -s "$err" ] || ! grep -q '^E: ' "$err" || return 1
  # What is named comes along even when the host has it installed.
  # shellcheck disable=SC2086
  apt apt-get download --print-uris "$@" $deps >"$list.all" || return 1
  tr -d "'" <"$list.all" | sort -u >"$list"
  rm -f "$list.all"
  [ -s "$list" ]
}

good()
{
  [ -f "$1" ] && echo "$2  $1" | sha256sum -c --status 2>/dev/null
}

# Fetches one archive; a cached one is used only if its hash is right.
fetch_one()
{
  uri=$1 file=$cache/archives/$2 size=$3 hash=${4#SHA256:}
  good "$file" "$hash" && return 0
  rm -f "$file"
  say "fetching $2 ($((size / 1024)) kB)"
  apt /usr/lib/apt/apt-helper download-file "$uri" "$part" \
    "SHA256:$hash" >/dev/null || return 1
  good "$part" "$hash" || return 1
  mv "$part" "$file"
}

fetch()
{
  while read -r uri file size hash; do
    case $hash in
    SHA256:*) ;;
    *) die "$file: the package list has no SHA256 for it" ;;
    esac
    fetch_one "$uri" "$file" "$size" "$hash" </dev/null || return 1
  done <"$list"
}

ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 || better_lists
until resolve "$@"; do
  reason=$(why)
  better_lists || die "cannot find ${want% }: $reason"
done
# Old lists name archives that the mirror no longer has.
until fetch; do
  reason=$(why)
  { better_lists && resolve "$@"; } || die "cannot fetch: $reason"
done
flock -u 8

# Hard links to what is there already; unpacking replaces, never writes in place.
say "unpacking $(wc -l <"$list") packages into $dest"
if [ -d "$dest" ]; then
  cp -al "$dest" "$tmp" 2>"$err" || die "$(head -1 "$err")"
fi
mkdir -p "$tmp/.pkg"
while read -r _ file _; do
  # not by a file: the disk may be full
  why=$(dpkg-deb -x "$cache/archives/$file" "$tmp" 2>&1) ||
    die "cannot unpack $file: $(echo "$why" | grep -m1 'No space' ||
      echo "$why" | head -1)"
done <"$list"
cut -d' ' -f2 "$list" >"$tmp/$stamp" || die "cannot write in $tmp"
# Between the two renames the folder is missing; users of it hold our lock or
# start after we have ended.
if [ -d "$dest" ]; then
  mv "$dest" "$tmp.old"
fi
mv "$tmp" "$dest"
