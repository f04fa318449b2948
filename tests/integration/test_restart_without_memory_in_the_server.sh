#!/bin/bash
# The old server may have no more memory when it is to hand its listeners over: the restart is refused in a
# sentence, before anything has changed, and works when there is some again.
. "$(dirname "$0")/lib.sh"

# Else a thread takes 64 MiB when it first allocates something: that may be after the limit was calculated.
export MALLOC_ARENA_MAX=1

refused_without_memory() {
	local mode=$1 old size_kib
	serve_versions server --wait="$mode" --strict
	old=$(pid_now)
	load_start --pause-ms=1
	# The server itself is to have enough, and flip too little.
	size_kib=$(sed -n 's/^VmSize:[^0-9]*\([0-9]*\) kB$/\1/p' "/proc/$old/status")
	prlimit --pid "$old" --as=$(((size_kib + 1024) * 1024)): || fail "cannot limit $old"
	tag_set v2
	restart_refused 'cannot hand over its listeners: Cannot allocate memory; generation 1 serves on$' \
		"$SUPERVISOR_PID"
	expect_answers 20 "v1:$old" "who answers after the refusal"
	prlimit --pid "$old" --as=unlimited:
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v2
	load_end
	wait_for 10 not is_running "$old"
	end_all
}

for mode in epoll epoll-exclusive epoll-et; do
	refused_without_memory "$mode"
done
pass
