#!/bin/bash
# A program that has a handler for every signal, SIGHUP, SIGQUIT and flip's own among them, gets
# what is sent to it, is restarted as any other, and no handler of its own is called for that.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/signals.sh"

# Handlers set past libc are there for the signals of real time only.
keeps() {
	local own='60 61 62' version
	[ "$1" != handlers ] || own+=' 10 12 28 29'
	[ "$1$FACE" != handlersrun ] || own+=' 1 3'
	# --strict would forbid what a signal of its own does to a wait call.
	serve_versions server --wait="$2" --signals="$1"
	gets_signals $own
	end_all
	serve_versions server --wait="$2" --signals="$1" --strict
	load_start
	for version in v2 v3; do
		tag_set $version
		restart_by_signal "$(signal_target)"
		wait_for 5 tag_is $version
		wait_for 5 old_are_gone
		[[ $(ask) == *' signals=0 last=0' ]] ||
			fail "$1: it was given a signal of flip's: $(ask)"
	done
	load_end
	end_all
}

FACE=run
keeps handlers epoll
keeps handlers threads
keeps handlers-raw-late epoll
FACE=bare
keeps handlers threads
keeps handlers-raw-late epoll
grep -E 'do not say|killing it' "$TMP/flip-before.log" && fail "it did not let go, or end, by itself"
pass
