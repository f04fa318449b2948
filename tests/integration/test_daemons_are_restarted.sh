#!/bin/bash
# Servers that go into the background, out of their parent's sight, its process group and its session:
# before they listen, after it, twice. A new version that fails there is found, and leaves nothing.
# Takes long.
. "$(dirname "$0")/lib.sh"

daemons_answer

# REASON BEHAVIOUR: the next version fails, and all that it has left is gone.
version_fails() {
	local before
	before=$(processes)
	behave "$2"
	restart_refused "$1" "$SUPERVISOR_PID"
	expect_match 'generation 1 serves on$' "$OUTPUT"
	expect_eq v1 "$(tag_now)"
	wait_for 10 processes_are "$before"
}

# The first process of a slow one, in our session, has ended.
all_are_in_background() {
	! pgrep -s 0 -f "^$SERVER .*$TMP/" >/dev/null
}

fails_in_background() {
	FLIP_READY_TIMEOUT=5s serve_versions server --wait=prefork --daemon="$1"
	wait_for 5 all_are_in_background
	version_fails 'exited with status 3 before it was ready' '--orphan --exit-at-start=3 --at=listen'
	version_fails 'was killed by SIGSEGV .*before it was ready' '--orphan --crash-at-start --at=bind'
	version_fails 'timed out' '--orphan --hang-at-start --at=listen'
	behave
	restart "$SUPERVISOR_PID"
	wait_for 10 old_are_gone
}

# SIGHUP is the first signal there is.
catches_hup() {
	local caught
	caught=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status")
	[ $((0x$caught & 1)) = 1 ]
}

# catching_master: in `master`, who serves as flip status says it by now: at first that may be the process which
# was started, and ends when the daemon is there.
catching_master() {
	status_has ' serving' && master=$(sed -n 's/^generation [0-9]* (pid \([0-9]*\)) serving.*/\1/p' <<<"$OUTPUT") &&
		[ -n "$master" ] && is_running "$master" && catches_hup "$master"
}

# A master in the background is who its pid file names, though only its workers wait for clients.
master_takes_signals() {
	local master version
	serve_versions server --strict --threads=2 "$@"
	for version in v2 v3; do
		wait_for 10 old_are_gone
		wait_for 10 catching_master
		tag_set $version
		kill -HUP "$master"
		wait_for 10 tag_is $version
	done
	wait_for 10 old_are_gone
	wait_for 10 catching_master
	kill -QUIT "$master"
	wait_for 10 processes_are ''
}

# Another program does it for the server, and becomes it in its own time: only its environment tells whose it is,
# and not in that moment. Without patience for that some two of a hundred restarts fail.
left_by_another_program() {
	serve_versions "$@"
	for _ in {1..40}; do
		restart "$SUPERVISOR_PID"
		wait_for 10 old_are_gone
	done
	end_all
}

# names_the_daemon N: generation N is known by the process that serves.
names_the_daemon() {
	status_has ' serving,' && [ "$(generation_pid "$1")" = "$(pid_now)" ]
}

ends_when_it_serves() {
	local n
	tag_set v1
	serve /usr/bin/python3 "$ROOT/tests/integration/listeners.py" ends_when_it_serves "$PORT" "$TMP/tag"
	for n in 1 2 3; do
		wait_for 5 names_the_daemon "$n"
		[ "$n" = 3 ] || restart "$SUPERVISOR_PID"
	done
}

control_without_flip
in_both_faces ends_when_it_serves
FACE=run
left_by_another_program setsid -f "$SERVER"
left_by_another_program busybox setsid "$SERVER"
# What is to be seen there may lie far behind.
A=$(printf '%100000s' '') B=$(printf '%100000s' '') left_by_another_program setsid -f "$SERVER"
FACE=bare
master_takes_signals --wait=prefork --daemon=late
master_takes_signals --wait=prefork-epoll --daemon=late
export FLIP_READY_TIMEOUT=20s
in_both_faces restart_thrice --wait=accept --daemon=libc
in_both_faces restart_thrice --wait=prefork --daemon=double
in_both_faces restart_thrice --wait=prefork --daemon=late
in_both_faces session_outlasts_restart --wait=fork --daemon=double
in_both_faces fails_in_background libc
in_both_faces fails_in_background double
in_both_faces fails_in_background slow
pass
