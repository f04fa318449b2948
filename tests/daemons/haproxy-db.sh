#!/bin/bash
# haproxy in one process: threads, each with an epoll set of its own.
. "$(dirname "$0")/driver.sh"

package=haproxy
version='haproxy -v'
command=(haproxy "${mode:--db}" -f "$TMP/haproxy.conf")
http /; fast=("${http[@]}")
http /slow; slow=("${http[@]}")

prepare() {
	cat >"$TMP/slow.lua" <<-END
		core.register_action("slow", { "http-req" }, function() core.msleep(${slow_s}000) end)
	END
}

configure() {
	file_set "$TMP/haproxy.conf" <<-END
		global
		    nbthread 2
		    maxconn 200
		    lua-load $TMP/slow.lua
		    ${global:-}
		defaults
		    mode http
		    timeout client 10s
		frontend test
		    bind 127.0.0.1:$PORT
		    http-request lua.slow if { path /slow }
		    http-request return status 200 content-type text/plain lf-string "v$1 %pid end\n"
	END
}

break_it() {
	echo '    no_such_keyword' >>"$TMP/haproxy.conf"
}

drive
