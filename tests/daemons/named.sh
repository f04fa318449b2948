#!/bin/bash
# named (BIND): locks its working directory, so in place. It binds in worker threads, with SO_REUSEPORT,
# several sockets an address. Asked by UDP, or by TCP.
. "$(dirname "$0")/driver.sh"

package=bind9
version='named -v'
command=(named -f -c "$TMP/named.conf")	# known by its name: see flip profiles
in_place=yes
# A query for TXT of version.test.
query='\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07version\x04test\x00\x00\x10\x00\x01'
if [ "${transport:=udp}" = udp ]; then
	to=udp:127.0.0.1:$PORT
	fast=(--request="$query" --expect='(v[0-9]+) end')
else
	fast=(--request="\x00\x1e$query" --until=' end' --expect='(v[0-9]+) end' --hang-up)
fi

prepare() {
	mkdir "$TMP/work"
	cat >"$TMP/named.conf" <<-END
		options {
			directory "$TMP/work";
			pid-file "$TMP/work/named.pid";
			session-keyfile "$TMP/work/session.key";
			listen-on port $PORT { 127.0.0.1; };
			listen-on-v6 { none; };
			recursion no;
		};
		controls { };
		zone "test" { type primary; file "$TMP/work/test.zone"; };
	END
}

configure() {
	file_set "$TMP/work/test.zone" <<-END
		\$TTL 1
		@ IN SOA localhost. root.localhost. $1 1 1 1 1
		@ IN NS localhost.
		version IN TXT "v$1 end"
	END
	sed -i '/no-such-option/d' "$TMP/named.conf"
}

break_it() {
	echo 'no-such-option;' >>"$TMP/named.conf"
}

drive
