#!/bin/bash
# A new process that exits with an error, at any stage: the reason and its last words are shown.
. "$(dirname "$0")/lib.sh"

fails() {
	serve_versions server --wait="$2"
	behave --exit-at-start=3 --at="$1"
	said=''
	upgrade_fails 'exited with status 3 before it was ready'
	grep -q '  | server: told to fail here' "$TMP/commands.log" || fail "no last words"
	rm "$TMP/commands.log"
}

in_both_faces fails start epoll
in_both_faces fails bind thread
in_both_faces fails listen poll
pass
