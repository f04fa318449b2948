#!/bin/bash
# Threads that wait in accept() are waiting in accept() again as soon as the generation has the listener
# for itself, also while the one before may come back: the kernel wakes one of them for a client, and not
# all. Here they are seen in the same system call as in the first generation.
. "$(dirname "$0")/lib.sh"

# In which system calls the threads of this process are.
waits_of() {
	cut -d ' ' -f 1 /proc/"$1"/task/*/syscall | sort | uniq -c
}

waits_are() {
	[ "$(waits_of "$(pid_now)")" = "$1" ]
}

all_wait() {
	[[ $(waits_of "$(pid_now)") =~ ^\ *1[67]\ [0-9]+$ ]]
}

keeps() {
	local first
	serve_versions server --wait="$1" --threads=16 "${@:2}"
	wait_for 5 all_wait
	first=$(waits_of "$(pid_now)")
	for version in v2 v3; do
		tag_set $version
		restart "$SUPERVISOR_PID"
		expect_eq $version "$(tag_now)"
		wait_for 5 waits_are "$first"
	done
	# Rolled back, a generation is alone again, too.
	behave --exit-at-start=3
	flip restart "$SUPERVISOR_PID" && fail "a version that exits was ready"
	wait_for 5 waits_are "$first"
	end_all
}

for FACE in run bare; do
	keeps threads
	FLIP_PROBATION=3s keeps threads
done
FACE=run
FLIP_ON_CRASH=restart keeps threads
pass
