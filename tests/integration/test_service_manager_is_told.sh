#!/bin/bash
# Who supervises flip by sd_notify hears READY, at each restart RELOADING and READY, whether it
# succeeds or not, STOPPING at the end, and how things are. In the bare face the main process changes.
. "$(dirname "$0")/lib.sh"

heard() {
	grep -Eq -- "$1" "$TMP/heard"
}

# states: what was said of the state, in its order, with the time where it must be there.
states() {
	tail -n +2 "$TMP/heard" | tr '|' '\n' | sed 's/^[0-9]* //' |
		grep -Eo '^(READY|RELOADING|STOPPING|MONOTONIC_USEC|MAINPID)(=[01]$)?' | tr '\n' ' '
}

states_are() {
	[ "$(states)" = "$1 " ]
}

# The time of the last RELOADING, by CLOCK_MONOTONIC, as the kernel has it.
check_time() {
	local uptime told
	told=$(grep -o 'MONOTONIC_USEC=[0-9]*' "$TMP/heard" | tail -n 1 | cut -d = -f 2)
	uptime=$(/usr/bin/python3 -c 'import time; print(int(time.monotonic() * 1000000))')
	[ "$told" -le "$uptime" ] && [ "$told" -gt $((uptime - 20000000)) ] ||
		fail "MONOTONIC_USEC=$told, now it is $uptime"
}

tells() {
	rm -f "$TMP/heard"
	launch "$TMP/manager.log" /usr/bin/python3 "$ROOT/tests/integration/manager.py" "$1" "$TMP/heard"
	wait_for 5 heard listening
	export NOTIFY_SOCKET=$1
	serve_versions server --wait=epoll --keepalive
	unset NOTIFY_SOCKET
	first=$(pid_now)
	wait_for 5 states_are 'READY=1'
	heard "STATUS=generation 1 \(pid $first\) serves$" || fail "heard: $(cat "$TMP/heard")"
	main=$([ "$FACE" = run ] && echo "$SUPERVISOR_PID" || echo "$first")
	changed=$([ "$FACE" = run ] || echo ' MAINPID')

	hold 5
	tag_set v2
	restart "$SUPERVISOR_PID"
	so_far="READY=1 RELOADING=1 MONOTONIC_USEC READY=1$changed"
	wait_for 5 states_are "$so_far"
	check_time
	second=$(pid_now)
	wait_for 5 heard \
		"STATUS=generation 2 \(pid $second\) serves; generation 1 \(pid $first\) drains [1-9][0-9]* connections?$"
	hold_end 5
	wait_for 5 heard "STATUS=generation 2 \(pid $second\) serves$"
	[ -z "$changed" ] || heard "^$first READY=1\|MAINPID=$second(\||$)" ||
		fail "the first main process did not name the second: $(cat "$TMP/heard")"

	behave --exit-at-start=3
	restart_refused 'exited with status 3' "$SUPERVISOR_PID"
	wait_for 5 states_are "$so_far RELOADING=1 MONOTONIC_USEC READY=1"
	check_time
	wait_for 5 heard 'serves; the last restart failed: generation 3 \(pid [0-9]+\) exited with status 3'

	behave
	restart "$SUPERVISOR_PID"
	so_far="$so_far RELOADING=1 MONOTONIC_USEC READY=1 RELOADING=1 MONOTONIC_USEC READY=1$changed"
	wait_for 5 states_are "$so_far"
	wait_for 5 old_are_gone
	third=$(pid_now)
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 5 states_are "$so_far STOPPING=1"
	# All of it in the name of the main process, as systemd wants it (NotifyAccess=main).
	expect_eq "$([ "$FACE" = run ] && echo "$main" || printf '%s\n' "$first" "$second" "$third" | sort)" \
		"$(tail -n +2 "$TMP/heard" | cut -d ' ' -f 1 | sort -u)" "senders"
}

tells_and_ends_by_itself() {
	rm -f "$TMP/heard"
	launch "$TMP/manager.log" /usr/bin/python3 "$ROOT/tests/integration/manager.py" "$1" "$TMP/heard"
	wait_for 5 heard listening
	export NOTIFY_SOCKET=$1
	serve server --wait=epoll
	unset NOTIFY_SOCKET
	kill -TERM "$(pid_now)"
	wait_for 5 not is_running "$SUPERVISOR_PID"
	wait_for 5 states_are 'READY=1 STOPPING=1'
}

in_both_faces tells "@flip-test-$$"
in_both_faces tells "$TMP/notify"
in_both_faces tells_and_ends_by_itself "@flip-test-$$"

# Nobody there, or an address that is none: that is said once, and nothing else changes.
for NOTIFY_SOCKET in "$TMP/nobody" @nobody vsock:2:1 none; do
	export NOTIFY_SOCKET
	FACE=run serve server --wait=epoll
	restart
	restart
	expect_eq 1 "$(grep -c 'cannot tell the service manager' "$TMP/flip.log")" "sentences"
	end_all
done

# The manager does not read: the service goes on, and it hears all when it reads again.
unset NOTIFY_SOCKET
rm -f "$TMP/heard"
launch "$TMP/manager.log" /usr/bin/python3 "$ROOT/tests/integration/manager.py" "$TMP/notify" "$TMP/heard"
manager=$LAUNCHED_PID
wait_for 5 heard listening
NOTIFY_SOCKET=$TMP/notify FACE=run serve server --wait=epoll
kill -STOP "$manager"
for _ in 1 2 3 4 5 6 7 8; do
	restart
done
[ "$(states)" = 'READY=1 ' ] || fail "the manager was not stopped: $(states)"
kill -CONT "$manager"
all=READY=1
for _ in 1 2 3 4 5 6 7 8; do
	all+=' RELOADING=1 MONOTONIC_USEC READY=1'
done
wait_for 10 states_are "$all"
pass
