#!/bin/bash
# flip stop while the first generation starts, and has forked workers that have its listener and are to accept
# from it in a moment: with flip all of them have ended, and nobody answers any more.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.py" <<'END'
import os, socket, sys, time
port, directory = int(sys.argv[1]), sys.argv[2]
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", port))
listener.listen(128)
for n in range(2):
    if os.fork() == 0:
        open(f"{directory}/worker{n}", "w").close()
        while os.path.exists(f"{directory}/loads"):
            time.sleep(0.02)
        while True:
            client = listener.accept()[0]
            client.sendall(b"v1 %d %s" % (os.getpid(), client.recv(100)))
            client.close()
while True:
    time.sleep(100)
END

begun() {
	[ -e "$TMP/worker0" ] && [ -e "$TMP/worker1" ]
}

leaves_nothing() {
	touch "$TMP/loads"
	rm -f "$TMP"/worker?
	launch "$TMP/flip.log" "$FLIP" run --name=starts -- /usr/bin/python3 "$TMP/server.py" "$PORT" "$TMP"
	wait_for 10 begun
	wait_for 5 status_has '^generation 1 .*starting' starts
	flip stop starts || fail "stop: $OUTPUT"
	wait_for 5 not is_running "$LAUNCHED_PID"
	rm "$TMP/loads"
	wait_for 2 processes_are ''
	ask && fail "somebody answers after the stop"
	end_all
}

leaves_nothing

# The control: they do answer when it is not stopped.
launch "$TMP/flip.log" "$FLIP" run -- /usr/bin/python3 "$TMP/server.py" "$PORT" "$TMP"
wait_answer "$LAUNCHED_PID"
pass
