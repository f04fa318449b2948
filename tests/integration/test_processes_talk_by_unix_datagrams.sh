#!/bin/bash
# A Unix socket of datagrams that is not for clients: by it the processes of a server talk with each other, as
# squid's do, and need answers before they serve. Each version has its own, under the same name.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/talking.py" <<-'END'
	import os, socket, sys
	directory, tag = sys.argv[1], open(sys.argv[2]).read().strip()
	def bound(name):
	    path = os.path.join(directory, name)
	    if os.path.exists(path):
	        os.unlink(path)
	    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	    made.bind(path)
	    return made
	def worker(number):
	    mine = bound("worker-%d" % number)
	    mine.sendto(b"up", os.path.join(directory, "master"))
	    assert mine.recv(100) == b"go " + tag.encode()
	    while True:
	        client = listener.accept()[0]
	        with client:
	            line = client.recv(512)
	            client.sendall(b"%s %d %s" % (tag.encode(), os.getpid(), line))
	def coordinate():
	    while True:
	        text, who = master.recvfrom(100)
	        master.sendto(b"go " + tag.encode(), who)
	master = bound("master")
	listener = socket.socket()
	listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	listener.bind(("127.0.0.1", 8080))
	listener.listen(512)
	for number in range(2):
	    if os.fork() == 0:
	        worker(number)
	coordinate()
END

goes_on() {
	tag_set v1
	serve python3 "$TMP/talking.py" "$TMP" "$TMP/tag"
	load_start
	restart_to v2 v3
	load_end
}

# A client of another server's, which binds a socket for the answer, is none of the service.
asks_first() {
	tag_set v1
	rm -f "$TMP/log"
	launch "$TMP/log.out" /usr/bin/python3 "$ROOT/tests/integration/syslog.py" serve "$TMP/other" "$TMP/log" \
		"$TMP/tag" "$TMP/fail"
	wait_for 5 test -S "$TMP/other"
	serve sh -c 'python3 -c "$0" "$1" && shift && exec "$@"' 'import socket, sys, time
asked = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
asked.bind("\0flip-test-asks")
asked.sendto(b"hello", sys.argv[1])
asked.recv(100)
time.sleep(1.2)' "$TMP/other" "$SERVER" --listen="127.0.0.1:$PORT" --wait=epoll --tag-file="$TMP/tag"
	load_start
	tag_set v2
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v2
	load_end
}

in_both_faces goes_on
FACE=run asks_first
pass
