#!/bin/bash
# A new process that is not ready in time is killed, the old one serves on.
. "$(dirname "$0")/lib.sh"

export FLIP_READY_TIMEOUT=600ms
fails() {
	serve_versions server --wait=epoll
	behave --hang-at-start --at="$1"
	upgrade_fails "timed out: it was not ready within 600 ms \\($2"
}

in_both_faces fails start 'it does not listen'
in_both_faces fails listen 'it listens, but does not wait'
pass
