#!/bin/bash
# A signal that means nothing to flip is the server's, and does not end flip; one of the library's
# own that goes astray is nobody's.
. "$(dirname "$0")/lib.sh"

KEEP_JOB=1 serve server --wait=poll
kill -61 "$FLIP_PID"
kill -WINCH "$FLIP_PID"	# which the server ignores by default
restart
kill -ALRM "$FLIP_PID"
expect_exit 142 "$FLIP_PID"
wait_for 5 processes_are ''
pass
