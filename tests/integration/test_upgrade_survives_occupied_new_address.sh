#!/bin/bash
# A new version that wants one more address, which somebody else has: the old one serves on.
. "$(dirname "$0")/lib.sh"

REPAIR=free_address
free_address() {
	stop_server
}

fails() {
	serve_versions server --wait="$1" --listen="127.0.0.1:$PORT"
	PORT=8090 start_server server --listen=127.0.0.1:8090
	behave --listen=127.0.0.1:8090
	upgrade_fails 'exited with status 1 before it was ready'
	grep -q '  | server: cannot bind 127.0.0.1:8090: Address already in use' \
		"$TMP/commands.log" || fail "the reason is not shown"
	expect_match '^v2 ' "$(ask 8090)" "the new address"
	rm "$TMP/commands.log"
}

in_both_faces fails epoll
in_both_faces fails thread
pass
