#!/bin/bash
# dnsmasq, asked by UDP: what it knows itself, and what it has to ask somebody slow for.
. "$(dirname "$0")/driver.sh"

package=dnsmasq-base
version='dnsmasq -v'
command=(dnsmasq -k -C "$TMP/dnsmasq.conf")
pidfile=$TMP/dnsmasq.pid
# A query for TXT: of version.test, and of slow.test.
header='\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00'
query="$header\x07version\x04test\x00\x00\x10\x00\x01"
slow_query="$header\x04slow\x04test\x00\x00\x10\x00\x01"
if [ "${transport:=udp}" = udp ]; then
	to=udp:127.0.0.1:$PORT
	fast=(--request="$query" --expect='(v[0-9]+) end')
	slow=(--request="$slow_query" --expect='slow end')
	crossing=unseen
else
	fast=(--request="\x00\x1e$query" --until=' end' --expect='(v[0-9]+) end' --hang-up)
	slow=("${fast[@]}" --hold-ms=$((slow_s * 1000)))
fi

# The one that dnsmasq forwards to takes 0.3 s.
prepare() {
	cat >"$TMP/upstream.py" <<-'END'
		import socket, sys, threading
		upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		upstream.bind(("127.0.0.1", 5300))
		while True:
		    query, client = upstream.recvfrom(1500)
		    text = b"slow end"
		    answer = query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:27] + \
		        b"\xc0\x0c\0\x10\0\1\0\0\0\0\0" + bytes([len(text) + 1, len(text)]) + text
		    threading.Timer(0.3, upstream.sendto, (answer, client)).start()
	END
	helper /usr/bin/python3 "$TMP/upstream.py"
}

configure() {
	file_set "$TMP/dnsmasq.conf" <<-END
		port=$PORT
		listen-address=127.0.0.1
		bind-interfaces
		no-resolv
		no-hosts
		server=127.0.0.1#5300
		cache-size=0
		pid-file=$pidfile
		txt-record=version.test,v$1 end
	END
}

break_it() {
	echo 'no-such-option' >>"$TMP/dnsmasq.conf"
}

drive
