#!/bin/bash
# --stop-signal names how the old server ends, which has a handler for it: in the bare face, too, the signal is then the
# program's, and no word to stop the service.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.py" <<'END2'
import os, signal, socket, sys, threading
signal.signal(signal.SIGQUIT, lambda *_: os._exit(0))
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(100)
def answer(client):
    client.sendall(b"v1 %d %s" % (os.getpid(), client.recv(100)))
    client.close()
while True:
    threading.Thread(target=answer, args=(listener.accept()[0],)).start()
END2

old_ends_by_it() {
	local old
	FLIP_STOP_SIGNAL=QUIT FLIP_STOP_TIMEOUT=20s FLIP_PROBATION=0 serve /usr/bin/python3 "$TMP/server.py" "$PORT"
	load_start --pause-ms=1
	for _ in 1 2 3; do
		old=$(pid_now)
		restart "$SUPERVISOR_PID"
		wait_for 10 old_are_gone
		is_running "$old" && fail "$old did not end"
		[ "$(pid_now)" != "$old" ] || fail "$old still answers"
	done
	sleep 0.3
	load_end
	status_has ': serving,' || fail "the service does not serve: $OUTPUT"
	flip stop "$SUPERVISOR_PID" || fail "flip stop: $OUTPUT"
}

in_both_faces old_ends_by_it
pass
