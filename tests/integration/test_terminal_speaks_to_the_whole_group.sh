#!/bin/bash
# Ctrl-C is for all of the foreground's group: where the first process leaves it to the server that it has started
# (npm), the service ends as it does without flip.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/wrapper.py" <<'END2'
import signal, subprocess, sys
server = subprocess.Popen(sys.argv[1:])
signal.signal(signal.SIGINT, lambda *_: None)
sys.exit(server.wait() and 1)
END2
cat >"$TMP/terminal.py" <<'END2'
import os, pty, sys, time
port, command = int(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
deadline = time.monotonic() + 10
while not any(f":{port:04X} 00000000:0000 0A" in line for line in open("/proc/net/tcp")):
    assert time.monotonic() < deadline, "nobody listens"
    time.sleep(0.02)
time.sleep(0.3)
os.write(terminal, b"\x03")
while os.waitpid(pid, os.WNOHANG)[0] == 0:
    if time.monotonic() > deadline:
        sys.exit("Ctrl-C did not end it")
    time.sleep(0.02)
END2
# Of one program, as npm and a server of node's are: to flip a master and its worker.
wrapped=(/usr/bin/python3 "$TMP/wrapper.py" /usr/bin/python3 -m http.server "$PORT" --bind 127.0.0.1)
/usr/bin/python3 "$TMP/terminal.py" "$PORT" "${wrapped[@]}" || fail "the control without flip"
/usr/bin/python3 "$TMP/terminal.py" "$PORT" "$FLIP" run -q -- "${wrapped[@]}" || fail "with flip run"
wait_for 5 processes_are ''
pass
