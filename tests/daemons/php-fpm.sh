#!/bin/bash
# php-fpm: processes that block in accept(), asked by FastCGI.
. "$(dirname "$0")/driver.sh"

package=php8.2-fpm
version='php-fpm8.2 -v'
command=(php-fpm8.2 -F -y "$TMP/fpm.conf")
pidfile=$TMP/fpm.pid
slow_clients=2
fast=(--request-file="$TMP/fast.request" --until='end\n' --expect='(v[0-9]+) ([0-9]+) end')
slow=(--request-file="$TMP/slow.request" --until='end\n' --expect='(v[0-9]+) ([0-9]+) end')

prepare() {
	/usr/bin/python3 - "$TMP" <<-'END' || return
		import struct, sys
		def record(kind, content=b""):
		    return struct.pack("!BBHHBB", 1, kind, 1, len(content), 0, 0) + content
		def parameter(name, value):
		    return bytes([len(name), len(value)]) + name.encode() + value.encode()
		for name in "fast", "slow":
		    parameters = parameter("SCRIPT_FILENAME", sys.argv[1] + "/script.php") + \
		        parameter("REQUEST_METHOD", "GET") + parameter("QUERY_STRING", name)
		    with open(f"{sys.argv[1]}/{name}.request", "wb") as file:
		        file.write(record(1, b"\0\1\0\0\0\0\0\0") + record(4, parameters) +
		            record(4) + record(5))
	END
	cat >"$TMP/script.php" <<-'END'
		<?php
		if ($_SERVER["QUERY_STRING"] == "slow")
			sleep(1);
		printf("%s %d end\n", ini_get("user_agent"), getmypid());
	END
}

configure() {
	file_set "$TMP/fpm.conf" <<-END
		[global]
		pid = $pidfile
		error_log = $TMP/error.log
		[www]
		user = www-data
		group = www-data
		listen = ${to#unix:}
		pm = static
		pm.max_children = 4
		php_value[user_agent] = v$1
	END
}

break_it() {
	echo 'no_such_option = 1' >>"$TMP/fpm.conf"
}

drive
