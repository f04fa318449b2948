#!/bin/bash
# A new version that waits on its listeners takes no client until it is the current one: it could
# still be given up. The supervisor is halted in between, for long enough to see.
. "$(dirname "$0")/lib.sh"

for mode in accept epoll epoll-et epoll-exclusive poll-blocking select threads; do
	serve_versions server --wait="$mode" --strict
	start_is_held
	load_start --pause-ms=1
	tag_set v2
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart" 2>&1 &
	restart_job=$!
	wait_for 5 status_has '^generation 2 .*starting'
	kill -STOP "$SUPERVISOR_PID"
	start_goes_on
	end=$(($(now_ms) + 500))
	while [ "$(now_ms)" -lt "$end" ]; do
		expect_eq v1 "$(tag_now)" "$mode: who answers meanwhile"
	done
	kill -CONT "$SUPERVISOR_PID"
	wait "$restart_job" || fail "$mode: restart: $(cat "$TMP/restart")"
	wait_for 5 tag_is v2
	load_end
	end_all
done
pass
