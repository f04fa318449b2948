#!/bin/bash
# Between a process and its server there is one that calls itself what looks like the end of its
# line in /proc/PID/stat: the service is found all the same.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/odd.py" <<'END'
import ctypes, os, subprocess, sys
PR_SET_NAME = 15
ctypes.CDLL(None).prctl(PR_SET_NAME, b'a\n) S 1 1', 0, 0, 0)
inner = subprocess.Popen(['sleep', '60'])
with open(sys.argv[1] + '.new', 'w') as file:
	file.write(str(inner.pid))
os.rename(sys.argv[1] + '.new', sys.argv[1])
inner.wait()
END

export TMP SERVER PORT
start_flip -- sh -c '/usr/bin/python3 "$TMP/odd.py" "$TMP/pid" & exec "$SERVER" "--listen=127.0.0.1:$PORT"'
wait_for 10 test -e "$TMP/pid"
inner=$(cat "$TMP/pid")
read -r parent <"/proc/$(ps -o ppid= -p "$inner" | tr -d ' ')/comm"
expect_eq a "$parent" 'first line of the name of the process between'
flip status "$inner" || fail "status $inner: $OUTPUT"
expect_match "\\(pid $(pid_now)\\) serving" "$OUTPUT"
pass
