#!/bin/bash
# What the current generation says to NOTIFY_SOCKET goes on to that of flip where it concerns a
# service manager; what flip has to say itself, and what other generations say, does not.
. "$(dirname "$0")/lib.sh"

said() {
	expect_eq said "$(ask "$PORT" "say $1")" "the server's answer to: say $1"
}

heard() {
	grep -Eq "^[0-9]+ (.*\|)?$1(\||\$)" "$TMP/heard"
}

passes_on() {
	rm -f "$TMP/heard"
	address=$1
	launch "$TMP/manager.log" /usr/bin/python3 "$ROOT/tests/integration/manager.py" "$address" "$TMP/heard"
	wait_for 5 heard listening
	tag_set v1
	# In the bare face the server's own variable is that of its service manager at first.
	export NOTIFY_SOCKET=$address
	serve /usr/bin/python3 "$ROOT/tests/integration/notifier.py" "$PORT" "$TMP/tag" READY=1
	unset NOTIFY_SOCKET
	restart "$SUPERVISOR_PID"
	wait_for 5 old_are_gone
	server=$(pid_now)
	for text in WATCHDOG=1 WATCHDOG=trigger WATCHDOG_USEC=3000000 EXTEND_TIMEOUT_USEC=1000000 ERRNO=2; do
		said "$text"
		wait_for 5 heard "$text"
	done
	said 'STATUS=half done|ERRNO=5'
	wait_for 5 heard 'ERRNO=5'
	wait_for 5 heard 'STATUS=half done'
	for text in READY=1 RELOADING=1 STOPPING=1 "MAINPID=$server" FDSTORE=1 X_MINE=7; do
		said "$text|ERRNO=77"
	done
	wait_for 5 all_came
	[ "$(grep -c ' ERRNO=77$' "$TMP/heard")" = 6 ] ||
		fail "what is flip's own was passed on: $(cat "$TMP/heard")"
	# An old one that drains is no longer heard.
	exec 5<>/dev/tcp/127.0.0.1/"$PORT"
	wait_for 5 status_has 'serving, 1 connection'
	tag_set v2
	restart "$SUPERVISOR_PID"
	echo 'say ERRNO=99' >&5
	read -r -t 5 -u 5 ANSWER || fail "the old one does not answer"
	exec 5>&-
	wait_for 5 tag_is v2
	said ERRNO=100
	wait_for 5 heard ERRNO=100
	heard ERRNO=99 && fail "an old generation was passed on"
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
}

all_came() {
	[ "$(grep -c 'ERRNO=77' "$TMP/heard")" = 6 ]
}

in_both_faces passes_on "@flip-test-$$"
in_both_faces passes_on "$TMP/notify"
pass
