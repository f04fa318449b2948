#!/bin/bash
# nc.openbsd: blocks in accept4(), one connection at a time, of which it sends what it reads itself.
. "$(dirname "$0")/driver.sh"

package=netcat-openbsd
version='dpkg-query -W netcat-openbsd'
fast=(--until='end\n' --expect="($tag[0-9]+) ([0-9]+) end" --hang-up)
slow=("${fast[@]}" --hold-ms=100)
slow_clients=1
# With listen(1) the kernel puts clients off, flip or not, each time for twice as long.
fast+=(--timeout-ms=15000)
slow+=(--timeout-ms=15000)

configure() {
	script_set <<-END
		#!/bin/bash
		exec nc.openbsd -l -k 127.0.0.1 $PORT < <(exec yes "v$1 \$\$ end")
	END
}

drive
