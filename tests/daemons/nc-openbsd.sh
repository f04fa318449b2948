#!/bin/bash
# nc.openbsd: blocks in accept4(), one connection at a time, of which it sends what it reads itself.
. "$(dirname "$0")/driver.sh"

package=netcat-openbsd
version='dpkg-query -W netcat-openbsd'
fast=(--until='end\n' --expect="($tag[0-9]+) ([0-9]+) end" --hang-up)
slow=("${fast[@]}" --hold-ms=100)
slow_clients=1 crossing=unseen	# a client that was put off may miss all hand-overs
# With listen(1) the kernel puts off clients of whom more come at a time, flip or not, for seconds. One
# that it has answered with a SYN cookie it may forget then, who waits for ever if he does not speak first.
fast+=(--clients=2 --timeout-ms=20000)
slow+=(--timeout-ms=20000)
{ echo 0 >/proc/sys/net/ipv4/tcp_syncookies; } 2>/dev/null

configure() {
	script_set <<-END
		#!/bin/bash
		exec nc.openbsd -l -k 127.0.0.1 $PORT < <(exec yes "v$1 \$\$ end")
	END
}

drive
