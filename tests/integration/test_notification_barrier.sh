#!/bin/bash
# Descriptors that come with notifications are closed at once: a barrier (sd_notify_barrier) ends,
# and nothing is left open. Works in a chroot, too.
. "$(dirname "$0")/lib.sh"

tag_set v1
mkdir "$TMP/empty"

ends() {
	serve /usr/bin/python3 "$ROOT/tests/integration/notifier.py" "$PORT" "$TMP/tag" "$@"
	# In the bare face the first server has no socket of flip's.
	[ "$FACE" = run ] || restart "$SUPERVISOR_PID"
	wait_for 5 old_are_gone
	before=$(descriptors_at_rest "$SUPERVISOR_PID")
	for _ in 1 2 3 4 5; do
		expect_eq closed "$(ask "$PORT" barrier)" barrier
		expect_eq closed "$(ask "$PORT" 'fds 1')" "one descriptor"
		expect_eq closed "$(ask "$PORT" 'fds 253')" "as many as the kernel passes"
	done
	expect_eq "$before" "$(descriptors_at_rest "$SUPERVISOR_PID")" "descriptors of the supervisor"
	restart "$SUPERVISOR_PID"
}

in_both_faces ends
if [ "$(id -u)" = 0 ]; then
	in_both_faces ends '' "$TMP/empty"
fi
# The control: nobody reads, and the barrier does not end.
launch "$TMP/manager.log" /usr/bin/python3 "$ROOT/tests/integration/manager.py" "$TMP/notify" "$TMP/heard"
manager=$LAUNCHED_PID
wait_for 5 test -s "$TMP/heard"
kill -STOP "$manager"
NOTIFY_SOCKET=$TMP/notify start_server /usr/bin/python3 "$ROOT/tests/integration/notifier.py" \
	"$PORT" "$TMP/tag"
expect_eq 'still open' "$(timeout 20 bash -c 'exec 5<>/dev/tcp/127.0.0.1/'"$PORT"'
	echo barrier >&5; cat <&5')" "barrier that nobody answers"
pass
