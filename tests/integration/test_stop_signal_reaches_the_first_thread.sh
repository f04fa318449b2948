#!/bin/bash
# A server whose handlers run in its first thread only (Python's), and that has another one: the stop signal ends
# what the first one waits for, with flip as without. If another thread took it, the server would go on until it is
# killed.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.py" <<'END'
import os, signal, socket, sys, threading, time

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))
tag = open(sys.argv[2], encoding='ascii').read().strip()
while True:
    client, _ = listener.accept()
    line = client.recv(100).decode()
    client.sendall(f'{tag} {os.getpid()} {line}'.encode())
    client.close()
END

reaches() {
	local restarts=5
	tag_set v1
	serve /usr/bin/python3 "$TMP/server.py" "$PORT" "$TMP/tag"
	for n in $(seq 2 $((restarts + 1))); do
		tag_set "v$n"
		restart "$SUPERVISOR_PID"
		wait_for 5 tag_is "v$n"
		wait_for 15 old_are_gone
	done
	if log_has 'did not end within'; then
		fail "the stop signal was lost: $(grep -c 'did not end within' "$TMP/flip.log") of $restarts"
	fi
}

FLIP_STOP_TIMEOUT=3s
export FLIP_STOP_TIMEOUT
in_both_faces reaches
pass
