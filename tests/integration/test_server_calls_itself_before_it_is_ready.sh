#!/bin/bash
# A server that connects to itself, and says READY=1 only when that was answered: in place, where nobody else
# could answer, it is let in when it does so; beside another generation that one answers. One that does not is
# still ready only when it says so.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.py" <<-'END'
	import os, socket, sys, threading, time
	port, tag_file = int(sys.argv[1]), sys.argv[2]
	tag, habit = open(tag_file).read().split()
	address = ("127.0.0.1", port)
	def serve():
	    while True:
	        client, _ = listener.accept()
	        data = client.recv(1000)
	        if data:
	            client.sendall(b"%s %d %s" % (tag.encode(), os.getpid(), data))
	        client.close()
	listener = socket.create_server(address, backlog=100)
	threading.Thread(target=serve, daemon=True).start()
	if habit == "calls":
	    own = socket.create_connection(address)
	    own.sendall(b"hello\n")
	    print(tag, "hears", own.recv(1000), file=sys.stderr)
	else:
	    time.sleep(1)
	socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(
	    b"READY=1", os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))
	time.sleep(1000)
END

# restarts_to TAG HABIT
restarts_to() {
	echo "$1" "$2" >"$TMP/tag"
	restart
	wait_for 5 tag_is "$1"
	wait_for 10 old_are_gone
}

# serves [OPTION...]
serves() {
	echo v1 calls >"$TMP/tag"
	launch "$TMP/flip.log" "$FLIP" run --ready-timeout=8s "$@" -- /usr/bin/python3 "$TMP/server.py" "$PORT" "$TMP/tag"
	FLIP_PID=$LAUNCHED_PID
	wait_until_serving
	wait_for 5 tag_is v1
}

serves --in-place
load_start --clients=2 --timeout-ms=8000
began=$(now_ms)
restarts_to v2 calls
[ $(($(now_ms) - began)) -lt 4000 ] || fail "it waited for itself"
log_has 'v2 hears .*v2 ' || fail "who has answered it?"
began=$(now_ms)
restarts_to v3 waits
[ $(($(now_ms) - began)) -ge 950 ] || fail "v3 did not call itself, and READY=1 was not waited for"
restarts_to v4 calls
load_meets v4
load_end
end_all

serves
load_start --clients=2
restarts_to v2 calls
load_end
pass
