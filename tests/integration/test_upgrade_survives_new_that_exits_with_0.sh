#!/bin/bash
# A new process that ends before it is ready has failed, also with exit code 0.
. "$(dirname "$0")/lib.sh"

fails() {
	serve_versions server --wait=epoll
	behave --exit-at-start=0 --at="$1"
	upgrade_fails 'exited with status 0 before it was ready'
	expect_match 'generation 3 \(pid [0-9]+\) ready in' "$OUTPUT" "the retry"
}

in_both_faces fails start
in_both_faces fails listen
pass
