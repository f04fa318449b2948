#!/bin/bash
# Whatever others bind, in /proc/net/unix there is one service, and it need not be named.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/bind.py" <<'END'
import os, socket, sys
uid, held = os.getuid(), []
line = '0: 00000002 00000000 00010000 0005 01 1 @flip/%d/one' % uid
for name in ('flip/%d/one' % (uid + 2 ** 32), 'flip/00%d/one' % uid, 'flip/%d/one blank' % uid,
	     'x\n' + line + '\nx'):
	held.append(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
	held[-1].bind('\0' + name)
	held[-1].listen()
print('bound', flush=True)
sys.stdin.read()
END

start_flip --name=one -- server
/usr/bin/python3 "$TMP/bind.py" >"$TMP/bind.log" 2>&1 < <(sleep 60) &
wait_for 10 grep -q bound "$TMP/bind.log"
expect_eq 2 "$(grep -c "@flip/$(id -u)/one\$" /proc/net/unix)" 'lines that look like the service'
flip status || fail "status: $OUTPUT"
expect_match '^one: serving' "$OUTPUT"
flip restart || fail "restart: $OUTPUT"
pass
