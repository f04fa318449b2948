#!/bin/bash
# A server closes every number above its listener by system calls that no library sees, flip's own among them,
# and gets that for a client. Each client hears what it was answered, to the end, and nothing of flip's.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/closing.py" <<-'END'
	import ctypes, os, select, socket, sys
	answer = "%s %d served\n" % (open(sys.argv[1]).read().strip(), os.getpid())
	listener = socket.create_server(("127.0.0.1", 8080), backlog=128)
	call = ctypes.CDLL(None).syscall
	for number in range(listener.fileno() + 1, 256):
	    call(3, number)  # close(2)
	waiting = [listener]
	while True:
	    for ready in select.select(waiting, [], [])[0]:
	        if ready is listener:
	            waiting.append(listener.accept()[0])
	        elif ready.recv(100):
	            ready.sendall(answer.encode())
	        else:
	            waiting.remove(ready)
	            ready.close()
END

# All at once, so that one of them has that number.
clients() {
	python3 - "$1" <<-'END'
		import socket, sys
		clients = [socket.create_connection(("127.0.0.1", 8080), 5) for _ in range(100)]
		for client in clients:
		    client.sendall(b"hello")
		    assert client.recv(100).startswith(sys.argv[1].encode()), "another answer"
		    client.shutdown(socket.SHUT_WR)
		    assert client.recv(100) == b"", "more than the answer"
	END
}

closed_past_libc() {
	local version
	echo v1 >"$TMP/tag"
	serve python3 "$TMP/closing.py" "$TMP/tag"
	for version in v1 v2 v3; do
		echo $version >"$TMP/tag"
		[ $version = v1 ] || restart "$SUPERVISOR_PID"
		clients $version || fail "a client of $version"
	done
}

in_both_faces closed_past_libc

start_server python3 "$TMP/closing.py" "$TMP/tag"
clients v3 || fail "without flip"
pass
