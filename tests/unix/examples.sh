#!/bin/bash
# SPDX-License-Identifier: ISC
#
# examples.sh - every example as a Linux process under the sanitizers. Those that
# need a network use one without privilege, on the host's own sockets.

# shellcheck source=tests/unix/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$tmp" || exit 99
examples=$here/../../examples

example() { # NAME [OPTION...]: all sources of its folder
  local name=$1
  shift
  "$fata" cc -t unix "${SAN[@]}" "$examples/$name/main.c" "$@" -o "$name" \
    2>err || { cat err; return 1; }
}

check "hello builds" example hello
check "hello" matches "$(./hello --name=you --times=2 | grep -c 'Hello, you')" 2

check "disk builds" example disk
truncate -s 1M disk.img
./disk --block data=disk.img >out
check "disk" grep -q '^runs: 1$' out

check "http builds" example http
http=$(free_port)
mkdir www && echo "a file of the host" >www/x.txt && tar cf www.tar -C www .
./http --port $http --ramdisk www.tar >out 2>&1 &
kid=$!
until_ok curl -s -m 2 http://127.0.0.1:$http/x.txt
check "http serves a module" same \
  "$(curl -s -m 5 http://127.0.0.1:$http/x.txt)" "a file of the host"
kill $kid
wait $kid
check "and ends well" same $? 0

check "udp-echo builds" example udp-echo
echo=$(free_port)
./udp-echo --port $echo >out 2>&1 &
kid=$!
until_ok grep -q "port $echo" out
exec 3<>"/dev/udp/127.0.0.1/$echo"
echo ping >&3
line=$(timeout 10 head -c 5 <&3)
check "udp-echo" same "$line" ping
kill $kid
wait $kid
check "and ends well" same $? 0

# --- dns: what the zone says of www.example.test ------------------------------

check "dns builds" example dns
dns=$(free_port)
./dns --port $dns --ramdisk "$examples/dns/example.zone" >out 2>&1 &
kid=$!
until_ok grep -q "port $dns" out
exec 4<>"/dev/udp/127.0.0.1/$dns"
printf '\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x04test\0\0\x01\0\x01' >&4
answer=$(timeout 10 dd bs=512 count=1 status=none <&4 | od -An -tx1 | tr -d ' \n')
check "dns answers with the address" matches "$answer" '^1234.*0a000214$'
kill $kid
wait $kid
check "and ends well" same $? 0

# --- proxy, in front of the web server ------------------------------------------

check "proxy builds" example proxy
./http --port $http --ramdisk www.tar >out 2>&1 &
kid=$!
proxy=$(free_port)
./proxy --port $proxy --to 127.0.0.1:$http >out2 2>&1 &
kid2=$!
until_ok curl -s -m 2 http://127.0.0.1:$proxy/x.txt
check "proxy passes a page on" same \
  "$(curl -s -m 5 http://127.0.0.1:$proxy/x.txt)" "a file of the host"
kill $kid $kid2
wait $kid
wait $kid2
check "and ends well" same $? 0

# --- gossip writes its frames, the bridge passes them on --------------------------

check "gossip builds" example gossip
./gossip --id 3 --interval 50ms --net 0=pcap:,gossip.pcap >out 2>&1 &
kid=$!
until_ok eval '[ "$(stat -c %s gossip.pcap)" -gt 400 ]'
kill $kid
wait $kid
check "gossip talks, and ends well" same $? 0
check "bridge builds" example bridge
build "$here/replay.c" replay
./bridge --net left=pcap:gossip.pcap --net right=pcap:,bridged.pcap >out 2>&1 &
kid=$!
until_ok eval '[ "$(stat -c %s bridged.pcap)" = "$(stat -c %s gossip.pcap)" ]'
kill $kid
wait $kid
check "bridge ends well" same $? 0
check "what came in went out" ./replay --net a=pcap:gossip.pcap \
  --net b=pcap:bridged.pcap same gossip.pcap bridged.pcap

# --- site and sqlite: their files are in /www and /data ---------------------------

check "site builds" example site
check "sqlite builds" example sqlite -isystem "$B/include-sqlite" \
  "$B/pkg/dev/usr/lib/x86_64-linux-gnu/libsqlite3.a"

# in_root COMMAND: in a copy of the root with /www and /data, for the command only.
# In a subshell: it becomes that process.
in_root() {
  mkdir -p over
  exec unshare -m bash -c 'mount -t tmpfs none over && cd over &&
    mkdir up work root && mount -t overlay none root \
      -o "lowerdir=/,upperdir=$PWD/up,workdir=$PWD/work" &&
    mount --rbind /proc root/proc && mkdir root/www root/data root/site &&
    cp ../www/x.txt root/www && cp ../site ../sqlite root/site &&
    exec chroot root bash -c "cd /site && $1"' in_root "$1"
}

if (in_root true) 2>err; then
  site=$(free_port)
  in_root "exec ./site --port $site --mount www:/www:ext4,ro" >out 2>&1 &
  kid=$!
  until_ok curl -s -m 2 http://127.0.0.1:$site/x.txt
  check "site serves a folder" same \
    "$(curl -s -m 5 http://127.0.0.1:$site/x.txt)" "a file of the host"
  kill $kid
  wait $kid
  check "and ends well" same $? 0
  (in_root './sqlite --rounds 5 --mount data:/data:ext4 &&
    ./sqlite --rounds 5 --mount data:/data:ext4') >out 2>&1
  check "sqlite, twice on the same files" same $? 0
  check "it finds what it committed" grep -q '^found 5 moves' out
else
  skip "site and sqlite" "no privilege: $(head -n 1 err)"
fi
finish
