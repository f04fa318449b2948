#!/bin/bash
# A notification is heard from the own user, root and processes of the generation only, and garbage
# is rejected: READY=1 of anybody else does not make a new version ready.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] && setpriv --reuid=65534 --clear-groups true 2>/dev/null ||
	{ echo "cannot be another user here"; pass; }

cat >"$TMP/send.py" <<'END2'
import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(
    sys.argv[2].encode("latin1").decode("unicode_escape").encode("latin1"), "\0" + sys.argv[1])
END2
chmod a+rx "$TMP" && chmod a+r "$TMP/send.py"

names() {
	grep -o '@flip\.notify-.*' /proc/net/unix | sort -u | cut -c 2-
}

send() {
	"${as[@]}" /usr/bin/python3 "$TMP/send.py" "$@" || fail "cannot send $2"
}

serve_versions server --wait=epoll
behave --notify-ms=0
restart
wait_for 5 old_are_gone
old=$(names)
tag_set v2
behave
"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart.log" 2>&1 &
restart_job=$!
wait_for 5 status_has '^generation 3 .*starting'
wait_for 5 status_has '^generation 3 .*starting'
new=$(names | grep -vx "$old")
as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
send "$new" 'READY=1'
wait_for 5 log_has 'rejected a notification of process [0-9]+ of user 65534: not one of generation 3'
as=(env)
send "$new" ''
wait_for 5 log_has 'rejected a notification of process [0-9]+: empty'
send "$new" 'READY=1\x00READY=1'
wait_for 5 log_has 'rejected a notification of process [0-9]+: not a text'
send "$new" "READY=1\\n$(printf '%5000s')"
wait_for 5 log_has 'rejected a notification of process [0-9]+: too long'
# Of the generation that serves it says nothing about the new one.
send "$old" 'READY=1'
for _ in 1 2 3 4 5; do
	expect_eq v1 "$(tag_now)" "who serves"
done
status_has '^generation 3 .*starting' || fail "status: $OUTPUT"
# The control: root's own does.
send "$new" 'READY=1'
wait "$restart_job" || fail "restart: $(cat "$TMP/restart.log")"
wait_for 5 tag_is v2
pass
