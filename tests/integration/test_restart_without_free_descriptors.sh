#!/bin/bash
# A server all of whose descriptors are taken cannot hand over, and says so; one that runs out of them
# during an upgrade lets go as soon as it can, and is not taken for drained before.
. "$(dirname "$0")/lib.sh"

# So many clients that the server cannot take them all, each of which asks once.
crowd_start() {
	rm -f "$TMP"/{end,ask,answers}
	/usr/bin/python3 "$ROOT/tests/integration/clients.py" "$PORT" "$1" "$TMP" 2>>"$TMP/clients.log" &
	CROWD_PID=$!
	disown "$CROWD_PID"
}

crowd_end() {
	touch "$TMP/end"
	wait_for 10 not is_running "$CROWD_PID"
}

# crowd_saw WORD: how many did.
crowd_saw() {
	awk -v word="$1" '$1 == word { n = $2 } END { print n + 0 }' "$TMP/answers"
}

saw_at_least() {
	[ "$(crowd_saw "$1")" -ge "$2" ]
}

is_full() {
	[ "$(descriptors "$1")" -ge 64 ]
}

copes() {
	local mode=$1 old
	tag_set v1
	behave
	FACE=run serve prlimit --nofile=64:64 "$SERVER" --wait="$mode" --keepalive --strict \
		--listen="127.0.0.1:$PORT" --tag-file="$TMP/tag" --behaviour-file="$TMP/behaviour"
	old=$(pid_now)
	crowd_start 100
	wait_for 10 is_full "$old"
	tag_set v2
	restart_refused 'cannot hand over its listeners: Too many open files; generation 1 serves on' \
		"$SUPERVISOR_PID"
	touch "$TMP/ask"
	wait_for 10 saw_at_least v1 20
	crowd_end
	wait_for 10 not is_full "$old"
	expect_match '^v1 ' "$(ask)" "who serves after the failure"

	# Full only when it is to let go: nobody's client is lost, and it ends when they have gone.
	start_is_held
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart" 2>&1 &
	restart_job=$!
	wait_for 5 status_has '^generation 3 .*starting'
	crowd_start 100
	wait_for 10 is_full "$old"
	start_goes_on
	wait "$restart_job" || fail "restart: $(cat "$TMP/restart")"
	expect_match 'generation 3 \(pid [0-9]+\) ready' "$(cat "$TMP/restart")"
	wait_for 10 saw_at_least v2 20
	held=$(crowd_saw v1)
	[ "$held" -ge 20 ] || fail "$mode: the old one took $held clients only"
	is_running "$old" || fail "$mode: the old one has left its clients"
	touch "$TMP/ask"
	wait_for 10 saw_at_least v1 "$held"
	wait_for 10 saw_at_least v2 $((100 - held))
	crowd_end
	wait_for 10 not is_running "$old"
	wait_for 5 old_are_gone
	expect_match '^v2 ' "$(ask)"
	end_all
}

for mode in thread epoll poll epoll-et; do
	copes "$mode"
done
pass
