#!/bin/bash
# The workers of a retired generation crash as soon as their master has forked others for them: there is always
# one that flip has never seen. The generation ends all the same, and nobody is disturbed.
FLIP_PROBATION=3s
. "$(dirname "$0")/lib.sh"

# While the process lives: kill the older half of its children, so that there is always a new one. (Those of its
# last moment it leaves behind, with flip as without.) A shell is too slow for that.
crash_children() {
	/usr/bin/python3 - "$1" <<-'END'
		import contextlib, os, signal, sys, time
		end, kills = time.monotonic() + 100, 0
		while time.monotonic() < end:
		    try:
		        children = open(f'/proc/{sys.argv[1]}/task/{sys.argv[1]}/children').read().split()
		    except OSError:
		        break
		    for child in children[:2]:
		        with contextlib.suppress(ProcessLookupError):
		            os.kill(int(child), signal.SIGKILL)
		            kills += 1
		    time.sleep(0.008)
		print(kills)
	END
}

old_is_idle() {
	status_has '^generation 1 .*, 0 connections'
}

crash() {
	local master
	serve_versions server --respawn --threads=4 "$@"
	load_start
	status_has '^generation 1 ' || fail "no generation 1: $OUTPUT"
	master=$(generation_pid 1)
	tag_set v2
	restart "$SUPERVISOR_PID"
	wait_for 5 old_is_idle
	crash_children "$master" >"$TMP/kills" &
	wait_for 15 old_are_gone
	wait "$!"
	[ "$(cat "$TMP/kills")" -ge 100 ] || fail "$*: only $(cat "$TMP/kills") workers have crashed"
	load_stop
	expect_match '^0$' "$LOAD_FAILED" "$*: failed: $TALLY"
	expect_answers 20 'v2:[0-9]+' "$*: who answers"
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
}

control_without_flip
in_both_faces crash --wait=prefork
in_both_faces crash --wait=prefork-poll
pass
