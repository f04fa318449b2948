#!/bin/bash
# When the service is stopped the path of its Unix socket goes, also where the stop signal just ends
# the server; but not one that was there before the service, and passed to it.
. "$(dirname "$0")/lib.sh"

path=$TMP/server.sock
PORT=unix:$path

removes() {
	serve_versions server --listen="$PORT" --wait="$1" --mode=600
	restart "$SUPERVISOR_PID"
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 5 processes_are ''
	[ ! -e "$path" ] || fail "the path is still there after the stop"
}

in_both_faces removes epoll
in_both_faces removes thread

# Passed by who has made it, as systemd does: it stays.
cat >"$TMP/passed.py" <<'END'
import os, select, socket
listener = socket.socket(fileno=3)
listener.listen(64)
listener.setblocking(False)
while True:
    select.select([listener], [], [])
    try:
        client = listener.accept()[0]
    except BlockingIOError:
        continue
    client.setblocking(True)
    line = client.recv(1024)
    client.sendall(b"v1 %d %s" % (os.getpid(), line))
    client.close()
END
cat >"$TMP/pass.py" <<'END'
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(64)
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.execvp(sys.argv[2], sys.argv[2:])
END
launch "$TMP/flip.log" /usr/bin/python3 "$TMP/pass.py" "$path" "$FLIP" run -- /usr/bin/python3 "$TMP/passed.py"
FLIP_PID=$LAUNCHED_PID
wait_answer "$FLIP_PID"
wait_for 10 status_has ': serving,'
restart
restart
flip stop "$FLIP_PID" || fail "stop: $OUTPUT"
wait_for 5 processes_are ''
[ -S "$path" ] || fail "the path of a socket that was passed is gone"
rm "$path"

# Without flip this server leaves it behind, and cannot be started again.
start_server server
stop_server
[ -S "$path" ] || fail "the control without flip removed it"
pass
