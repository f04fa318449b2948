#!/bin/bash
# A server that becomes another user after bind(): its successor starts as root again.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] && setpriv --reuid=65534 --clear-groups true 2>/dev/null ||
	{ echo "cannot become another user here"; pass; }
cat >"$TMP/server.py" <<'END'
import os, socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(1024)
tag = open(sys.argv[2]).read().strip()
if os.getuid() != 0:
    sys.exit("not started as root")
if "chroot" in sys.argv:
    os.chroot("/var/empty" if os.path.isdir("/var/empty") else "/proc/self/fdinfo")
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
while True:
    client = listener.accept()[0]
    line = client.recv(1024)
    client.sendall(b"%s %d %s" % (tag.encode(), os.getpid(), line))
    client.close()
END
sed -i 's|^    os.chroot.*|    os.chroot(sys.argv[4])|' "$TMP/server.py"
mkdir "$TMP/empty"

drops() {
	tag_set v1
	serve /usr/bin/python3 "$TMP/server.py" "$PORT" "$TMP/tag" "$@"
	expect_match '65534' "$(grep Uid: "/proc/$(pid_now)/status")" "user of the server"
	load_start --pause-ms=1
	restart_to v2 v3
	load_end
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 5 processes_are ''
}

in_both_faces drops
in_both_faces drops chroot "$TMP/empty"
pass
