#!/bin/bash
# One thread waits for a listener that blocks, another one accepts and serves (Tcl): when the client it was
# told of is another generation's by then, it is not left in accept() while its connections wait.
. "$(dirname "$0")/lib.sh"

goes_on() {
	local version
	serve_versions server --wait=poll-elsewhere --strict
	load_start --timeout-ms=$((2000 * PATIENCE))
	launch "$TMP/slow.log" "$LOAD" --to="$(target)" --clients=3 --hold-ms=100 --stop-file="$TMP/load.stop" \
		--timeout-ms=$((2000 * PATIENCE))
	slow=$LAUNCHED_PID
	for version in $(seq 2 "$1"); do
		tag_set "v$version"
		restart "$SUPERVISOR_PID"
		wait_for 5 tag_is "v$version"
		wait_for 5 old_are_gone
	done
	load_end
	wait_for 20 not is_running "$slow"
	expect_match ' failed=0 ' "$(tail -n 1 "$TMP/slow.log")" "those who take their time"
	end_all
}

control_without_flip
FACE=run goes_on 20
FACE=bare goes_on 10
pass
