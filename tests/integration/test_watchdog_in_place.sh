#!/bin/bash
# In place, a new server that loads its data for long tells the service manager meanwhile that it lives:
# WATCHDOG=1 is passed on before it is ready, for nobody else could say so. Beside an old one that serves it is not.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.py" <<'END'
import os, socket, sys, time
port, directory = int(sys.argv[1]), sys.argv[2]

def notify(text):
    name = os.environ["NOTIFY_SOCKET"]
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    peer.sendto(text, "\0" + name[1:] if name[0] == "@" else name)

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", port))
listener.listen(128)
said = 0
while os.path.exists(f"{directory}/init"):
    notify(b"WATCHDOG=1")
    said += 1
    if said == 5:
        open(f"{directory}/said", "w").close()
    time.sleep(0.02)
notify(b"READY=1")
while True:
    client = listener.accept()[0]
    client.sendall(b"v1 %d %s" % (os.getpid(), client.recv(100)))
    client.close()
END

heard() {
	[ "$(grep -Ec "^[0-9]+ (.*\|)?$1(\||\$)" "$TMP/heard")" -ge "$2" ]
}

# restarts WAY: its WATCHDOG=1 is said when this returns, and it is not ready.
restarts() {
	rm -f "$TMP"/{heard,said}
	launch "$TMP/manager.log" /usr/bin/python3 "$ROOT/tests/integration/manager.py" "$TMP/notify" "$TMP/heard"
	wait_for 5 heard listening 1
	NOTIFY_SOCKET=$TMP/notify start_flip "$1" -- /usr/bin/python3 "$TMP/server.py" "$PORT" "$TMP"
	wait_for 5 heard READY=1 1
	touch "$TMP/init"
	"$FLIP" restart "$FLIP_PID" >"$TMP/restart" 2>&1 &
	restart_job=$!
	wait_for 5 test -e "$TMP/said"
}

is_over() {
	start_goes_on
	wait_for 5 not is_running "$restart_job"
	wait "$restart_job" || fail "restart: $(cat "$TMP/restart")"
	wait_for 5 heard READY=1 2
}

restarts --in-place
wait_for 2 heard WATCHDOG=1 5
is_running "$restart_job" || fail "the restart was over before it was heard"
is_over
end_all

restarts --overlap
is_over
heard WATCHDOG=1 1 && fail "one that only starts was passed on: $(cat "$TMP/heard")"
pass
