#!/bin/bash
# SIGHUP starts the program again and no request is lost, with the launcher and without.
. "$(dirname "$0")/lib.sh"

restarts_by_hup() {
	serve_versions server --wait=epoll
	load_start --pause-ms=1
	tag_set v2
	restart_by_signal "$(signal_target)"
	wait_for 5 tag_is v2
	load_meets v2
	wait_for 5 old_are_gone
	tag_set v3
	restart_by_signal "$(signal_target)"
	wait_for 5 tag_is v3
	load_meets v3
	load_end
	expect_eq 3 "$(load_responders)" "processes that answered"
}

control_without_flip
in_both_faces restarts_by_hup
pass
