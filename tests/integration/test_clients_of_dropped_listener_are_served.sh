#!/bin/bash
# Clients of a listener that a restart drops are answered or refused; none is reset or left waiting.
. "$(dirname "$0")/lib.sh"

serves() {
	tag_set v1
	behave --listen=127.0.0.1:8081
	serve server --wait="$1" --listen="127.0.0.1:$PORT" --tag-file="$TMP/tag" \
		--behaviour-file="$TMP/behaviour"
	load_start --to=127.0.0.1:8081
	behave
	restart "$SUPERVISOR_PID"
	wait_for 5 old_are_gone
	load_stop
	echo "$TALLY" | cut -c 1-200
	expect_eq "$LOAD_FAILED" "$(load_field refused)" "all that failed were refused"
	[ "$(load_field ok)" -gt 0 ] || fail "nothing was answered"
	rm "$TMP/load.log"
}

FACE=run
for mode in epoll accept threads poll; do
	serves $mode
	end_all
done
pass
