#!/bin/bash
# Options and the backlog that a new version sets after bind() are those of the socket that it has from the old one:
# if it fails, before it is ready or within the probation, they are as they were.
FLIP_PROBATION=300s
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.py" <<'END'
import os, socket, sys, time
port, directory = int(sys.argv[1]), sys.argv[2]
version = open(f"{directory}/version").read().strip()
options = ((socket.SOL_SOCKET, socket.SO_RCVBUF), (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
           (socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT))
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", port))
listener.listen(500 if version == "old" else 7)
if version != "old":
    for option, value in zip(options, (8192, 1, 30)):
        listener.setsockopt(*option, value)
    open(f"{directory}/has_set", "w").close()
if version == "fails":
    while os.path.exists(f"{directory}/init"):
        time.sleep(0.02)
    sys.exit("this version is broken")
while True:
    client = listener.accept()[0]
    line = client.recv(100)
    now = ",".join(str(listener.getsockopt(*option)) for option in options)
    client.sendall(b"%s %d %s\n" % (version.encode(), os.getpid(), now.encode()))
    client.close()
END

# What the listener is like: the server's word of its options, and its backlog.
state() {
	local answer
	answer=$(ask) || fail "nobody answers"
	echo "${answer##* } backlog $(ss -Htln "( sport = :$PORT )" | awk '{ print $3 }')"
}


version() {
	echo "$1" >"$TMP/version"
	rm -f "$TMP/has_set"
}

leaves_it() {
	version old
	serve /usr/bin/python3 "$TMP/server.py" "$PORT" "$TMP"
	before=$(state)
	expect_match '^[0-9]+,0,0 backlog 500$' "$before" "the listener at first"

	version fails
	touch "$TMP/init"
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart" 2>&1 &
	restart_job=$!
	wait_for 5 test -e "$TMP/has_set"
	expect_match '^16384,1,[1-9][0-9]* backlog 7$' "$(state)" "the listener of both"
	start_goes_on
	wait_for 5 not is_running "$restart_job"
	wait "$restart_job" && fail "a version that fails is no success: $(cat "$TMP/restart")"
	expect_eq "$before" "$(state)" "the listener after a version that failed"

	version crashes
	restart "$SUPERVISOR_PID"
	expect_match '^16384,1,[1-9][0-9]* backlog 7$' "$(state)" "the listener of the new version"
	kill -SEGV "$(pid_now)"
	wait_for 5 log_has 'within the probation; generation 1 serves again'
	wait_for 5 tag_is old
	expect_eq "$before" "$(state)" "the listener after a roll back"

	# The control: of a version that serves on they stay.
	version stays
	restart "$SUPERVISOR_PID"
	expect_match '^16384,1,[1-9][0-9]* backlog 7$' "$(state)" "the listener of a version that stays"
}

in_both_faces leaves_it
pass
