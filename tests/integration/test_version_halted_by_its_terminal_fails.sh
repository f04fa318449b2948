#!/bin/bash
# A new version that reads the terminal, in whose background it is, is halted by that: it fails, before it is ready and
# within the probation, and the old one serves on.
FLIP_PROBATION=300s
. "$(dirname "$0")/lib.sh"

cat >"$TMP/terminal.py" <<'END2'
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
try:
    while data := os.read(terminal, 4096):
        os.write(1, data)
except OSError:
    pass
END2
cat >"$TMP/server.py" <<'END2'
import os, select, socket, sys, time
port, directory = int(sys.argv[1]), sys.argv[2]
version = open(f"{directory}/version").read().strip()
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", port))
listener.listen(50)
if version == "early":
    os.read(0, 1)
while True:
    if version == "late" and os.path.exists(f"{directory}/read"):
        os.read(0, 1)
    if not select.select([listener], [], [], 0.05)[0]:
        continue
    client = listener.accept()[0]
    line = client.recv(100)
    client.sendall(b"%s %d %s" % (version.encode(), os.getpid(), line))
    client.close()
END2

fails_when_halted() {
	local server=(/usr/bin/python3 "$TMP/server.py" "$PORT" "$TMP")
	rm -f "$TMP/read"
	echo v1 >"$TMP/version"
	if [ "$FACE" = run ]; then
		launch "$TMP/flip.log" /usr/bin/python3 "$TMP/terminal.py" "$FLIP" run -- "${server[@]}"
	else
		launch "$TMP/flip.log" /usr/bin/python3 "$TMP/terminal.py" env LD_PRELOAD="$LIBRARY" "${server[@]}"
	fi
	wait_until_serving
	wait_for 5 tag_is v1

	echo early >"$TMP/version"
	restart_refused 'reads or sets its terminal.*</dev/null' "$SUPERVISOR_PID"
	expect_eq v1 "$(tag_now)" "who answers after a version that was halted before it was ready"

	echo late >"$TMP/version"
	restart "$SUPERVISOR_PID"
	expect_eq late "$(tag_now)" "who answers"
	touch "$TMP/read"
	wait_for 10 status_has 'generation 1 .* serving'
	expect_eq v1 "$(tag_now)" "who answers after a version that was halted within the probation"
	expect_match 'is halted, for it reads' "$(cat "$TMP/flip.log")" "the log"
}

in_both_faces fails_when_halted
pass
