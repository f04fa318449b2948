#!/bin/bash
# A server that has closed its standard error, and whose data file gets the number: flip writes nothing there.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.py" <<'END'
import os, socket, sys
port, directory = int(sys.argv[1]), sys.argv[2]
os.closerange(2, 3) # a later version finds it closed
if os.open(directory + "/data", os.O_RDWR | os.O_CREAT, 0o600) != 2:
    sys.exit("it is another number")
os.set_inheritable(2, True)
os.write(2, b"the data\n")
listener = socket.create_server(("127.0.0.1", port), backlog=100)
while True:
    client = listener.accept()[0]
    client.sendall(b"v1 %d %s" % (os.getpid(), client.recv(100)))
    client.close()
END

keeps_data() {
	rm -f "$TMP/data"
	serve /usr/bin/python3 "$TMP/server.py" "$PORT" "$TMP"
	for _ in 1 2; do
		restart "$SUPERVISOR_PID"
		wait_for 10 old_are_gone
	done
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 5 processes_are ''
	expect_eq 'the data' "$(cat "$TMP/data")" "the data file"
}

in_both_faces keeps_data
pass
