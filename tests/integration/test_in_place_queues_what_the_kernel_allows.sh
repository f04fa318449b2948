#!/bin/bash
# While nobody serves, the queue is as long as the kernel allows, not as the server wanted; afterwards
# it is what the server wants again. With its own short queue the kernel would drop clients, which
# then try again a second later.
. "$(dirname "$0")/lib.sh"

backlog() {
	ss -Htln "( sport = :$PORT )" | awk '{ print $3 }'
}

has_backlog() {
	[ "$(backlog)" = "$1" ]
}

export FLIP_IN_PLACE=1
serve_versions server --wait=threads --backlog=2
expect_eq 2 "$(backlog)" "queue of the server"
tag_set v2
start_is_held --init-before-bind-while
"$FLIP" restart "$FLIP_PID" >"$TMP/restart" 2>&1 &
restart_job=$!
wait_for 5 has_backlog "$(sysctl -n net.core.somaxconn)"
launch "$TMP/tally" "$LOAD" --to=127.0.0.1:"$PORT" --clients=60 --requests=60 --timeout-ms=20000
load_job=$LAUNCHED_PID
wait_for 5 has_queued 60
start_goes_on
wait "$restart_job" || fail "restart: $(cat "$TMP/restart")"
wait_for 20 not is_running "$load_job"
TALLY=$(tail -n 1 "$TMP/tally")
expect_eq 60 "$(load_answers v2)" "answered by the next one: $TALLY"
expect_eq 2 "$(backlog)" "queue of the next one"
end_all
unset FLIP_IN_PLACE

# So it is with a queue of 2 that nobody makes longer: connections to a server that is stopped.
serve_versions server --wait=threads --backlog=2
kill -STOP "$(pid_now)"
"$LOAD" --to=127.0.0.1:"$PORT" --clients=60 --requests=60 --timeout-ms=500 >"$TMP/tally" &&
	fail "the control lost nobody"
pass
