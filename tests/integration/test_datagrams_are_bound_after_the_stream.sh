#!/bin/bash
# A server of TCP and UDP on one port that waits for TCP clients before it binds UDP, as one that loads something in
# between: the later socket is the service's as well. Queries go on over restarts, each answered by one version.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.py" <<END2
import os, socket, socketserver, threading, time

class Answer(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b'v1 %d ' % os.getpid() + self.rfile.readline())

socketserver.TCPServer.allow_reuse_address = True
server = socketserver.TCPServer(('127.0.0.1', $PORT), Answer)
threading.Thread(target=server.serve_forever, daemon=True).start()
time.sleep(0.2)
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(('127.0.0.1', $PORT))
while True:
    query, peer = datagrams.recvfrom(2000)
    datagrams.sendto(b'%d' % os.getpid(), peer)
END2
cat >"$TMP/query.py" <<END2
import os, socket
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.connect(('127.0.0.1', $PORT))
client.settimeout(5)
lost, pids = 0, set()
while not os.path.exists('$TMP/stop'):
    try:
        client.send(b'?')
        pids.add(client.recv(100))
    except OSError:
        lost += 1
print('lost', lost, 'pids', len(pids))
END2

has_datagrams() {
	[ -n "$(ss -Hulnp "( sport = :$PORT )" | grep "pid=$1,")" ]
}

queries_go_on() {
	local query
	rm -f "$TMP/stop"
	serve /usr/bin/python3 "$TMP/server.py"
	wait_for 10 has_datagrams "$(pid_now)"
	/usr/bin/python3 "$TMP/query.py" >"$TMP/queries" 2>&1 &
	query=$!
	load_start --pause-ms=1
	for _ in 1 2 3; do
		restart "$SUPERVISOR_PID"
		has_datagrams "$(pid_now)" || fail "the new one has no socket of datagrams"
		wait_for 20 old_are_gone
	done
	load_end
	: >"$TMP/stop"
	wait "$query"
	expect_eq 'lost 0 pids 4' "$(cat "$TMP/queries")"
}

in_both_faces queries_go_on
pass
