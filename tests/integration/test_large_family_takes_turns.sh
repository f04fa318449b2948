#!/bin/bash
# Generations share a listener that blocks: the workers of each wait by poll(), which wakes all who wait so for
# every client. Of many it is a few at a time, and the others wait for their turn. If those who have theirs are
# killed, the others serve.
. "$(dirname "$0")/lib.sh"

WORKERS=32
REQUESTS=300
case $(uname -m) in
x86_64) ACCEPT=43 ACCEPT4=288 POLL=7 ;;
*) ACCEPT=202 ACCEPT4=242 POLL=73 ;;
esac

# who_is_in NUMBER...: which workers are in one of these system calls.
who_is_in() {
	local pid call
	for pid in $WORKER_PIDS; do
		read -r call _ <"/proc/$pid/syscall" || continue
		[[ " $* " != *" $call "* ]] || echo "$pid"
	done 2>/dev/null
}

# As a worker has served, it waits as the hand-over asks for it.
none_is_in_accept() {
	expect_answers $WORKERS 'v1:[0-9]+'
	[ -z "$(who_is_in $ACCEPT $ACCEPT4)" ]
}

# How often they have gone to sleep, or had to make way, until now.
switches() {
	local pid
	for pid in $WORKER_PIDS; do
		cat "/proc/$pid/status"
	done | awk '/ctxt_switches/ { n += $2 } END { print n }'
}

serve_versions server --wait=prefork --threads=$WORKERS
flip status
WORKER_PIDS=$(pgrep -P "$(generation_pid 1)")
expect_eq $WORKERS "$(echo "$WORKER_PIDS" | wc -w)" "workers"
tag_set v2
start_is_held
"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart" 2>&1 &
restart_job=$!
wait_for 5 status_has '^generation 2 .*starting'
wait_for 20 none_is_in_accept

take_turns() {
	local before each
	before=$(switches)
	expect_answers $REQUESTS 'v1:[0-9]+'
	each=$((($(switches) - before) / REQUESTS))
	echo "$each switches for a client, with $WORKERS workers"
	[ "$each" -lt $((WORKERS / 2)) ] || fail "each client wakes $each of $WORKERS workers"
}

take_turns
# Where no client comes for a while, all wait for the next one.
sleep 1
take_turns

# At once, so that nobody's turn comes by their death.
polling=$(who_is_in $POLL)
[ -n "$polling" ] || fail "nobody waits for a client"
kill -KILL $polling
expect_answers $REQUESTS 'v1:[0-9]+' "who answers when those are killed whose turn it was"

start_goes_on
wait_for 10 not is_running "$restart_job"
wait "$restart_job" || fail "flip restart: $(cat "$TMP/restart")"
expect_answers 20 'v2:[0-9]+'
wait_for 5 old_are_gone
end_all
pass
