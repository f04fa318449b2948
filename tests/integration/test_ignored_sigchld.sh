#!/bin/bash
# SIGCHLD is ignored when flip is started, as some cron jobs and shells leave it: ends of processes are seen all
# the same, and the server is started with it ignored, as it would be without flip.
. "$(dirname "$0")/lib.sh"

ignores_sigchld() {
	local ignored
	ignored=$(sed -n 's/^SigIgn:\t//p' "/proc/$1/status")
	((0x$ignored >> 16 & 1))
}

# start_ignoring COMMAND...
start_ignoring() {
	launch "$TMP/flip.log" bash -c 'trap "" CHLD; exec "$@"' - "$@"
	FLIP_PID=$LAUNCHED_PID
	wait_for 10 tag_is v1
	wait_until_serving
}

sees_ends() {
	local server=("$SERVER" --wait=epoll --listen="127.0.0.1:$PORT" --tag-file="$TMP/tag"
		--behaviour-file="$TMP/behaviour")
	tag_set v1
	behave
	if [ "$FACE" = bare ]; then
		start_ignoring env LD_PRELOAD="$LIBRARY" "${server[@]}"
	else
		start_ignoring "$FLIP" run -- "${server[@]}"
	fi
	ignores_sigchld "$(pid_now)" || fail "the server was started with another disposition"
	behave --exit-at-start=3
	restart_refused 'exited with status 3 before it was ready' "$SUPERVISOR_PID"
	behave
	for version in v2 v3 v4; do
		tag_set "$version"
		restart "$SUPERVISOR_PID"
		wait_for 5 tag_is "$version"
		wait_for 10 old_are_gone
		ignores_sigchld "$(pid_now)" || fail "$version was started with another disposition"
	done
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 10 processes_are ''
}

in_both_faces sees_ends
FLIP_IN_PLACE=1 FACE=run sees_ends
pass
