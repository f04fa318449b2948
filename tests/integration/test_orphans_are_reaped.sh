#!/bin/bash
# Orphans of the service leave no zombies behind, in any generation.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.py" <<'END'
import os, socket, sys
for i in range(5):
    if os.fork() == 0:
        if os.fork() == 0:
            with open("orphans", "a") as file:
                file.write("%d\n" % os.getpid())
        os._exit(0)
    os.wait()
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(16)
while True:
    client = listener.accept()[0]
    client.sendall(b"v1 %d " % os.getpid() + client.recv(1024))
    client.close()
END
cd "$TMP" || fail "cannot enter $TMP"

orphans_gone() {
	[ "$(wc -l <orphans)" = "$1" ] || return 1
	local pid
	while read -r pid; do
		[ ! -e "/proc/$pid" ] || return 1
	done <orphans
}

reaps() {
	rm -f orphans
	serve /usr/bin/python3 server.py "$PORT"
	wait_for 5 orphans_gone 5
	restart "$SUPERVISOR_PID"
	wait_for 5 orphans_gone 10
	wait_for 5 old_are_gone
	restart "$SUPERVISOR_PID"
	wait_for 5 orphans_gone 15
}

in_both_faces reaps
pass
