#!/bin/bash
# A server whose first thread has ended by pthread_exit(), while others serve, is restarted and stopped as
# any other, and at once. Of such a process the kernel shows no descriptors, no memory and no network.
. "$(dirname "$0")/lib.sh"

ends() {
	restart_thrice --main-thread="$1" --wait="$2"
}

restart_ms() {
	local began
	began=$(now_ms)
	restart "$SUPERVISOR_PID"
	echo $(($(now_ms) - began))
}

# A process that does not hear what it is told is called after a quarter of a second, each time.
at_once() {
	local best=1000 ms
	serve_versions server --wait=epoll --main-thread=ends-late
	grep -q '^State:.*zombie' "/proc/$(pid_now)/status" || fail "the first thread has not ended"
	status_has "^listener 127.0.0.1:$PORT" || fail "status: $OUTPUT"
	for _ in 1 2 3; do
		ms=$(restart_ms)
		best=$((ms < best ? ms : best))
		wait_for 10 old_are_gone
	done
	[ "$best" -lt 250 ] || fail "the fastest of three restarts took $best ms"
}

# --on-crash=restart: the listener is found where it is, and the port stays open over a crash.
is_held() {
	local before
	FLIP_ON_CRASH=restart serve_versions server --main-thread=ends-late --wait=threads --threads=2
	sleep 1.5
	log_has 'has closed its listener' && fail "the listener was taken for closed"
	before=$(pid_now)
	kill -KILL "$before"
	wait_for 10 answers_another_than "$before"
	restart "$SUPERVISOR_PID"
	end_all
}

control_without_flip
in_both_faces ends ends-late accept
in_both_faces ends ends-early threads
in_both_faces ends ends-late epoll
in_both_faces ends ends-early poll
in_both_faces at_once
in_both_faces session_outlasts_restart --main-thread=ends-late --wait=thread
FACE=run is_held
pass
