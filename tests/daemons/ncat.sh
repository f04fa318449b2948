#!/bin/bash
# ncat: selects, and runs a program for each connection, which holds the listener, too.
. "$(dirname "$0")/driver.sh"

package=ncat
version='ncat --version'
fast=(--request='hello\n' --until='end\n' --expect="($tag[0-9]+) ([0-9]+) end")
slow=("${fast[@]}" --hold-ms=$((slow_s * 1000)))

configure() {
	script_set <<-END
		#!/bin/sh
		exec ncat -l -k -c 'read line; echo "v$1 \$\$ end"' 127.0.0.1 $PORT
	END
}

drive
