#!/bin/bash
# SIGTERM to flip run while --precheck runs, and the server takes a moment to end: that is the end of the
# restart, which says so; no new generation comes, and flip ends with the server.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.py" <<'END'
import os, signal, socket, sys, time
port, directory = int(sys.argv[1]), sys.argv[2]

def end(*_):
    open(f"{directory}/told", "w").close()
    while os.path.exists(f"{directory}/saves"):
        time.sleep(0.02)
    os._exit(7)

signal.signal(signal.SIGTERM, end)
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", port))
listener.listen(128)
while True:
    client = listener.accept()[0]
    client.sendall(b"v1 %d %s" % (os.getpid(), client.recv(100)))
    client.close()
END

ends() {
	printf 'touch "%s"\nwhile [ -e "%s" ]; do sleep 0.02; done\n' "$TMP/begun" "$TMP/runs" >"$TMP/check"
	touch "$TMP/runs" "$TMP/saves"
	rm -f "$TMP/begun" "$TMP/told"
	KEEP_JOB=1 start_flip --precheck="sh $TMP/check" "$@" -- \
		/usr/bin/python3 "$TMP/server.py" "$PORT" "$TMP"
	wait_until_serving
	"$FLIP" restart "$FLIP_PID" >"$TMP/restart" 2>&1 &
	restart_job=$!
	wait_for 5 test -e "$TMP/begun"
	kill -TERM "$FLIP_PID"
	wait_for 5 test -e "$TMP/told"
	rm "$TMP/runs"	# if it still ran, the restart would go on
	wait_for 5 not is_running "$restart_job"
	wait "$restart_job"
	expect_eq 1 $? "exit code of flip restart ($(cat "$TMP/restart"))"
	expect_match 'signal 15 ended the upgrade' "$(cat "$TMP/restart")" "the answer"
	rm "$TMP/saves"
	expect_exit 7 "$FLIP_PID"
	wait_for 5 processes_are ''
	log_has 'generation 2' && fail "$*: a new generation came: $(grep 'generation 2' "$TMP/flip.log")"
	end_all
}

ends --overlap
ends --in-place
pass
