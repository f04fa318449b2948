#!/bin/bash
# 127: the command is not found. 126: it is there, and cannot be executed.
. "$(dirname "$0")/lib.sh"

gives() {
	local code=$1
	shift
	flip run -- "$@"
	expect_eq "$code" $? "exit code of: $* ($OUTPUT)"
	expect_eq 1 "$(wc -l <<<"$OUTPUT")" "lines: $OUTPUT"
	expect_match "^flip: " "$OUTPUT"
}

gives 127 "$TMP/none"
gives 127 flip-no-such-command
gives 127 ''
gives 126 "$TMP"
echo text >"$TMP/text"
gives 126 "$TMP/text"
PATH=$TMP:$PATH
gives 126 text
pass
