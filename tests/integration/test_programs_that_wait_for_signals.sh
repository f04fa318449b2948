#!/bin/bash
# Every signal is blocked, and the main thread takes them by sigwait() and its like or by a signalfd,
# while others serve. It is restarted as any other; its signals are its own but for those that flip
# takes; and it ends in its own way, by SIGTERM, when it is drained.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/signals.sh"

keeps() {
	local signals=$1 mode=$2 own='10 12 28 34 60 62' version
	# Under flip run, so are SIGHUP and SIGQUIT.
	[ "$FACE" = bare ] || own+=' 1 3'
	serve_versions server --wait="$mode" --strict --signals="$signals"
	gets_signals $own
	load_start
	for version in v2 v3; do
		tag_set $version
		# In the bare face SIGHUP must get past what waits for it.
		restart_by_signal "$(signal_target)"
		wait_for 5 tag_is $version
		wait_for 5 old_are_gone
	done
	load_end
	[[ $(ask) == *' signals=0 last=0' ]] || fail "$signals: it was given a signal of flip's: $(ask)"
	gets_signals $own
	expect_eq 2 "$(grep -c 'told to end by signal 15' "$TMP/flip.log")" \
		"$signals: generations that ended in their own way"
	kill -TERM "$(pid_now)"
	wait_for 5 not is_running "$SUPERVISOR_PID"
	expect_eq 3 "$(grep -c 'told to end by signal 15' "$TMP/flip.log")" \
		"$signals: generations that were told to end"
}

all() {
	for signals in sigwait sigwaitinfo sigtimedwait signalfd; do
		keeps $signals epoll
		end_all
	done
	keeps sigwait threads
}

in_both_faces all
pass
