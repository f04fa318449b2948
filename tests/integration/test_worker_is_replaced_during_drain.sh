#!/bin/bash
# A worker of a retired generation dies, and its master starts another one: that accepts nothing, is no
# burden, and disturbs neither the sessions of its generation nor the clients of the new one.
. "$(dirname "$0")/lib.sh"

# The children of a process, one a line.
children() {
	tr ' ' '\n' <"/proc/$1/task/$1/children" | grep .
}

has_new_child() {
	new_child=$(comm -13 <(sort <<<"$before") <(children "$1" | sort) | head -n 1)
	[ -n "$new_child" ]
}

# In ticks of 10 ms, of its own and of the kernel for it.
cpu_ticks() {
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

is_asleep() {
	grep -q '^State:.S' "/proc/$1/status"
}

replaces() {
	local master session victim
	serve_versions server --strict --keepalive --respawn --threads=2 "$@"
	status_has '^generation 1 '
	master=$(generation_pid 1)
	hold 7
	session=$(cut -d ' ' -f 2 <<<"$ANSWER")
	tag_set v2
	restart "$SUPERVISOR_PID"
	before=$(children "$master")
	victim=$(grep -v "^$session\$" <<<"$before" | head -n 1)
	kill -KILL "${victim:-$session}"
	wait_for 10 has_new_child "$master"
	wait_for 10 is_asleep "$new_child"
	ticks=$(cpu_ticks "$new_child")
	expect_answers 100 'v2:[0-9]+' "$*: who answers"
	[ "$(($(cpu_ticks "$new_child") - ticks))" -lt 5 ] || fail "$*: the new worker is busy"
	[ -z "$victim" ] || {
		hold_ask 7
		expect_match "^v1 $session held" "$ANSWER" "$*: open connection"
	}
	hold_end 7
	wait_for 10 old_are_gone
	wait_for 10 not is_running "$new_child"
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 10 processes_are ''
}

control_without_flip
for mode in prefork prefork-poll prefork-epoll prefork-exclusive prefork-shared; do
	in_both_faces replaces --wait=$mode
done
pass
