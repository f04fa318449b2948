#!/bin/bash
# flip status shows all listeners of a service, each once, however many: more lines than are taken from a socket
# in one go, and also where flip and who asks have one processor for both.
. "$(dirname "$0")/lib.sh"

shows() {
	local first=$PORT last=$((PORT + 299))
	serve server --wait=epoll --listen="127.0.0.1:$PORT" --listen-count=300
	seq -f 'listener 127.0.0.1:%g' "$first" "$last" | sort >"$TMP/wanted"
	for _ in {1..10}; do
		flip status "$SUPERVISOR_PID" || fail "status: $OUTPUT"
		grep '^listener ' <<<"$OUTPUT" | sort >"$TMP/shown"
		cmp -s "$TMP/wanted" "$TMP/shown" ||
			fail "$(wc -l <"$TMP/shown") of 300 listeners are shown: $(diff "$TMP/wanted" "$TMP/shown" | head -n 3)"
		expect_match ': serving,' "$(head -n 1 <<<"$OUTPUT")" "first line"
	done
}

in_both_faces shows
allowed=$(taskset -cp $$ | sed 's/.*: *\([0-9]*\).*/\1/')
taskset -cp "$allowed" $$ >/dev/null || fail "cannot choose a processor"
in_both_faces shows
pass
