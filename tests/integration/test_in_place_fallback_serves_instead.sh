#!/bin/bash
# --fallback: a next one that fails in place is replaced by the last good command at once; the restart
# has failed all the same and says who serves. The next restart tries the new one again.
. "$(dirname "$0")/lib.sh"

falls_back() {
	export FLIP_IN_PLACE=1
	export FLIP_FALLBACK="exec '$SERVER' --listen=127.0.0.1:$PORT --tag=good --wait=$1"
	serve_versions server --wait="$1"
	behave --exit-at-start=4
	load_start --timeout-ms=10000
	restart_refused 'exited with status 4 before it was ready; generation 3 \(pid [0-9]+\), the fallback, serves instead$' \
		"$SUPERVISOR_PID"
	expect_eq good "$(tag_now)" "who serves"
	status_has '^generation 3 .*serving.*, the fallback' || fail "status: $OUTPUT"
	restart_refused 'generation 5 \(pid [0-9]+\), the fallback, serves instead$' "$SUPERVISOR_PID"
	behave
	tag_set v2
	restart "$SUPERVISOR_PID"
	expect_eq v2 "$(tag_now)"
	load_end
}

in_both_faces falls_back epoll
# A hanging one is killed, and its lock, which it lets go of last, is free when the fallback asks for that.
locked=(flock --no-fork --nonblock --conflict-exit-code=9 "$TMP/lock")
export FLIP_FALLBACK="exec ${locked[*]} '$SERVER' --listen=127.0.0.1:$PORT --tag=good"
behave
tag_set v1
FACE=run FLIP_READY_TIMEOUT=2s serve "${locked[@]}" /usr/bin/python3 "$ROOT/tests/integration/heavy.py" "$SERVER" \
	--listen=127.0.0.1:"$PORT" --tag-file="$TMP/tag" --behaviour-file="$TMP/behaviour"
behave --hang-at-start
restart_refused 'timed out: .* the fallback, serves instead$' "$SUPERVISOR_PID"
expect_eq good "$(tag_now)" "who serves"
end_all

# A fallback that fails, too.
export FLIP_FALLBACK='echo "no fallback either"; exit 6'
FACE=run
serve_versions server --wait=epoll
behave --exit-at-start=4
restart_refused 'exited with status 6 before it was ready; nobody serves' "$FLIP_PID"
expect_match '  \| no fallback either' "$OUTPUT" "last words"
behave
tag_set v2
wait_for 10 tag_is v2
end_all

# Without a fallback nobody serves.
unset FLIP_FALLBACK
serve_versions server --wait=epoll
behave --exit-at-start=4
restart_refused 'nobody serves, clients wait' "$FLIP_PID"
pass
