#!/bin/bash
# As the first process of a PID namespace flip run restarts, reaps, passes signals on, ends.
. "$(dirname "$0")/lib.sh"

launch_in_namespace() {
	tag_set v1
	behave
	launch "$TMP/flip.log" unshare -p --fork --mount-proc --kill-child "$FLIP" run -- "$@" \
		--listen="127.0.0.1:$PORT" --tag-file="$TMP/tag"
	UNSHARE_PID=$LAUNCHED_PID
	wait_answer "$UNSHARE_PID"
	FLIP_PID=$(cat "/proc/$UNSHARE_PID/task/$UNSHARE_PID/children")
	FLIP_PID=${FLIP_PID% }
}

KEEP_JOB=1 launch_in_namespace "$SERVER" --wait=epoll
expect_match '[[:space:]]1$' "$(grep NSpid: "/proc/$FLIP_PID/status")" "its pid inside"
load_start --pause-ms=1
tag_set v2
restart_by_signal
wait_for 5 tag_is v2
wait_for 5 old_are_gone
tag_set v3
OUTPUT=$(nsenter -t "$FLIP_PID" -p -m "$FLIP" restart 1 2>&1) || fail "restart inside: $OUTPUT"
expect_match 'generation 3 .* ready in' "$OUTPUT" "restart by a pid inside"
tag_set v4
flip restart server || fail "restart by name from outside: $OUTPUT"
wait_for 5 tag_is v4
load_end
kill -TERM "$FLIP_PID"
expect_exit 143 "$UNSHARE_PID"
wait_for 5 processes_are ''

# Orphans are init's.
cat >"$TMP/server.sh" <<'END'
#!/bin/sh
(sh -c 'exit 0' &)
exec "$@"
END
chmod +x "$TMP/server.sh"
KEEP_JOB=1 launch_in_namespace "$TMP/server.sh" "$SERVER" --wait=epoll
no_zombies() {
	! grep -lq '^State:.*Z' $(for task in $(cat /proc/"$FLIP_PID"/task/*/children); do
		echo "/proc/$task/status"
	done)
}
wait_for 5 no_zombies
kill -QUIT "$FLIP_PID"
expect_exit 0 "$UNSHARE_PID"
pass
