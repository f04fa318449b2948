#!/bin/bash
# The user has no signal left to queue (RLIMIT_SIGPENDING): the kernel raises SIGIO instead of flip's own
# signal, whose default is to end the program. It is restarted as any other.
. "$(dirname "$0")/lib.sh"

export FLIP_PROBATION=0
FACE=run
for mode in epoll accept threads; do
	tag_set v1
	start_flip -- prlimit --sigpending=0 "$SERVER" --wait="$mode" --listen="127.0.0.1:$PORT" --strict \
		--tag-file="$TMP/tag"
	wait_for 10 status_has ': serving,'
	SUPERVISOR_PID=$FLIP_PID
	load_start --pause-ms=1
	restart_to v2 v3
	load_end
	end_all
done
pass
