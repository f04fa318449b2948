#!/bin/bash
# The user has no signal left to queue (RLIMIT_SIGPENDING): the kernel raises SIGIO instead of flip's own
# signal, whose default is to end the program. It is restarted as any other, but for its threads: nobody can
# wake those that wait in accept(), and each of them may take one more client.
. "$(dirname "$0")/lib.sh"

# Of old threads, each may have answered once more.
restart_threads_to() {
	local version
	for version in "$@"; do
		tag_set "$version"
		restart "$SUPERVISOR_PID"
		wait_for 10 tag_is "$version"
		wait_for 10 old_are_gone
		expect_eq "$version" "$(tag_now)" "who answers"
	done
}

export FLIP_PROBATION=0
FACE=run
for mode in epoll accept threads; do
	tag_set v1
	start_flip -- prlimit --sigpending=0 "$SERVER" --wait="$mode" --listen="127.0.0.1:$PORT" --strict \
		--tag-file="$TMP/tag"
	wait_for 10 status_has ': serving,'
	SUPERVISOR_PID=$FLIP_PID
	load_start --pause-ms=1
	if [ "$mode" = threads ]; then
		restart_threads_to v2 v3
	else
		restart_to v2 v3
	fi
	load_end
	end_all
done
pass
