#!/bin/bash
# inetd: selects, and runs a program for each connection; clears its environment.
. "$(dirname "$0")/driver.sh"

package=openbsd-inetd
version='dpkg-query -W openbsd-inetd'
fast=(--request='hello\n' --until='end\n' --expect="($tag[0-9]+) ([0-9]+) end")
slow=("${fast[@]}" --hold-ms=$((slow_s * 1000)))

configure() {
	script_set "$TMP/service$1" <<-END
		#!/bin/sh
		read line
		echo "v$1 \$\$ end"
	END
	file_set "$TMP/inetd.conf" <<-END
		127.0.0.1:$PORT stream tcp nowait root $TMP/service$1 service
	END
	# It goes on without what it cannot read: to fail, another has to be started.
	script_set <<-END
		#!/bin/sh
		exec inetd -i -R 1000000 "$TMP/inetd.conf"
	END
}

drive
