#!/bin/bash
# Both sockets answer their own user and root only; what others send changes nothing.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] && setpriv --reuid=65534 --clear-groups true 2>/dev/null ||
	{ echo "cannot be another user here"; pass; }
as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

serve_versions server --wait=epoll
server=$(pid_now)
load_start --pause-ms=1
for command in restart stop status; do
	for target in server "$SUPERVISOR_PID"; do
		OUTPUT=$(as_nobody "$FLIP" $command $target 2>&1)
		expect_eq 125 $? "exit code of $command $target ($OUTPUT)"
	done
done

cat >"$TMP/send.py" <<'END'
import socket, struct, sys
kind = int(sys.argv[2])
peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
peer.settimeout(5)
peer.connect("\0" + sys.argv[1])
try:
    peer.send(struct.pack("=IHHII", 0x50494C46, 1, kind, 0, 1 if kind == 1 else 0).ljust(272, b"\0"))
except BrokenPipeError:
    print("Connection reset")
try:
    print(peer.recv(2000)[8:].rstrip(b"\0").decode(errors="replace"))
except ConnectionError as error:
    print(error)
END
chmod a+rx "$TMP" && chmod a+r "$TMP/send.py"
type_of() {
	awk -v name="MESSAGE_$1," '/MESSAGE_HELLO = 1/ { n = 0 } /^\tMESSAGE_[A-Z_]+( = 1)?,/ { n++;
		if ($1 == name) { print n; exit } }' "$ROOT/shim/core/protocol.h"
}
restart_type=$(type_of CONTROL_RESTART)
name=$(grep -o '@flip/.*' /proc/net/unix | sort -u | cut -c 2-)
OUTPUT=$(as_nobody /usr/bin/python3 "$TMP/send.py" "$name" "$restart_type" 2>&1)
# The answer may be overtaken by the end of the connection.
expect_match 'another user|Connection reset' "$OUTPUT" "answer of the control socket"
log_has 'rejected user 65534' || fail "control socket: nothing logged"
channel=$(grep -o '@flip-.*' /proc/net/unix | sort -u | cut -c 2-)
OUTPUT=$(as_nobody /usr/bin/python3 "$TMP/send.py" "$channel" 1 2>&1)
wait_for 5 log_has 'rejected process [0-9]+ of user 65534'

expect_eq "$server" "$(pid_now)" "who serves"
status_has ', 0 restarts$' || fail "status: $OUTPUT"
# The control: root's own request of the same bytes does restart.
OUTPUT=$(/usr/bin/python3 "$TMP/send.py" "$name" "$restart_type" 2>&1)
wait_for 5 status_has ', 1 restart$'
load_end
pass
