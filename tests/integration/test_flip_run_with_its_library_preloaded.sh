#!/bin/bash
# LD_PRELOAD names flip's library in the environment of flip run itself: flip is no server of a supervisor of its own.
# There is one service, and SIGHUP and SIGQUIT to flip run are what they are without.
. "$(dirname "$0")/lib.sh"

expect_one_service() {
	flip status || fail "$1: status: $OUTPUT"
	expect_match "^server: serving, supervisor \\(pid $FLIP_PID\\)" "$OUTPUT" "$1: status"
	expect_eq 1 "$(grep -c ': serving,' <<<"$OUTPUT")" "$1: services that are shown"
	expect_eq 1 "$(grep -c "@flip/$(id -u)/" /proc/net/unix)" "$1: services that there are"
}

tag_set v1
KEEP_JOB=1 launch "$TMP/flip.log" LD_PRELOAD="$LIBRARY" "$FLIP" run -- \
	"$SERVER" --listen="$(target)" --strict --wait=epoll --tag-file="$TMP/tag"
FLIP_PID=$LAUNCHED_PID
wait_answer "$FLIP_PID"
wait_until_serving
expect_one_service "at the start"
load_start --pause-ms=1
for version in v2 v3; do
	tag_set $version
	restart_by_signal
	wait_for 5 tag_is $version
	wait_for 10 old_are_gone
	load_meets $version
	expect_one_service "after a restart to $version"
done
load_end
kill -QUIT "$FLIP_PID"
expect_exit 0 "$FLIP_PID"
wait_for 5 processes_are ''
pass
