#!/bin/bash
# A new process that a signal ends: the signal is named, the old one serves on.
. "$(dirname "$0")/lib.sh"

ulimit -c 0
fails() {
	serve_versions server --wait=epoll
	behave --crash-at-start --at="$1"
	upgrade_fails 'was killed by SIGSEGV'
}

in_both_faces fails start
in_both_faces fails listen
pass
