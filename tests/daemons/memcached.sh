#!/bin/bash
# memcached: one thread accepts and hands connections to others. Told by the number of connections
# that it may have.
. "$(dirname "$0")/driver.sh"

package=memcached
version='memcached -V'
tag=10
fast=(--request='stats settings\r\nquit\r\n' --until='END\r\n' --expect="maxconns ($tag[0-9]+)")
slow=("${fast[@]}" --hold-ms=$((slow_s * 1000)))
pidfile=$TMP/memcached.pid

configure() {
	script_set <<-END
		#!/bin/sh
		exec memcached -u "$(id -un)" -l 127.0.0.1 -p $PORT -c $tag$1 -P "$pidfile"
	END
}

drive
