#!/bin/bash
# The bare face as the first process of a PID namespace: restarts lose nothing although the kernel
# ends a namespace with its first process; QUIT ends it.
. "$(dirname "$0")/lib.sh"

tag_set v1
KEEP_JOB=1 launch "$TMP/flip.log" unshare -p --fork --mount-proc --kill-child \
	env LD_PRELOAD="$LIBRARY" "$SERVER" --wait=epoll --tag-file="$TMP/tag" --listen="127.0.0.1:$PORT"
UNSHARE_PID=$LAUNCHED_PID
wait_answer "$UNSHARE_PID"
read -r FLIP_PID <"/proc/$UNSHARE_PID/task/$UNSHARE_PID/children"
FLIP_PID=${FLIP_PID% }
expect_eq 1 "$(pid_now)" "pid inside"
wait_for 5 status_has ': serving' server
load_start --pause-ms=1
for version in v2 v3 v4; do
	tag_set $version
	flip restart server || fail "restart: $OUTPUT"
	wait_for 5 tag_is $version
	wait_for 5 not status_has '^generation [0-9]+ .*(draining|leaving)' server
done
# A signal of the shim's own that comes late, when the first process only holds the namespace.
kill -61 "$FLIP_PID"
tag_set v5
kill -HUP "$FLIP_PID"
wait_for 5 tag_is v5
load_end
flip stop server || fail "stop: $OUTPUT"
wait_for 5 not is_running "$UNSHARE_PID"
wait_for 5 processes_are ''
pass
