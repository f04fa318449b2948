#!/bin/bash
# --check: a new version that serves but fails it is the restart's failure: the old one serves again, no
# client has lost anything, and the bad one finishes what it has begun. The check is told whom to ask.
FLIP_PROBATION=500ms
. "$(dirname "$0")/lib.sh"

checks() {
	export FLIP_CHECK='echo "asked $FLIP_CHECK_PID at $FLIP_CHECK_ADDRESSES"; test -e '"$TMP"'/good'
	serve_versions server --wait="$1" --work-ms=5
	load_start --pause-ms=1
	tag_set v2
	restart_refused "check '.*' exited with status 1; generation 1 serves again" "$SUPERVISOR_PID"
	expect_match "asked [0-9]+ at 127.0.0.1:$PORT" "$OUTPUT" "what the check was told"
	wait_for 5 tag_is v1
	wait_for 5 old_are_gone
	touch "$TMP/good"
	tag_set v3
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v3
	load_meets v3
	wait_for 5 old_are_gone
	load_end
	rm "$TMP/good"
	for tag in v1 v2 v3; do
		echo "$tag: $(load_answers $tag) answers"
	done
	end_all
}

for mode in epoll epoll-et threads poll-blocking prefork; do
	checks "$mode"
done
pass
