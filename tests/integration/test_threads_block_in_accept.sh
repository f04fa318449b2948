#!/bin/bash
# Threads of several processes that block in accept() on one listener: when one of another process or
# generation is quicker, the others wait on, and meet no error.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.py" <<'END'
import os, socket, struct, sys, threading
port, tag_file, patience = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
listener = socket.create_server(("127.0.0.1", port), backlog=100)
if patience:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@qq", int(patience[0]), 0))
tag = open(tag_file).read().strip()

def serve():
    while True:
        try:
            client, _ = listener.accept()
        except BlockingIOError: # SO_RCVTIMEO
            continue
        with client:
            line = client.recv(1000)
            client.sendall(b"%s %d %s" % (tag.encode(), os.getpid(), line))

def fail(hook):
    print("accept:", hook.exc_value, file=sys.stderr, flush=True)
    os._exit(4)

threading.excepthook = fail
os.fork()
threads = [threading.Thread(target=serve) for _ in range(4)]
for thread in threads:
    thread.start()
END

waits_on() {
	local version
	tag_set v1
	serve /usr/bin/python3 "$TMP/server.py" "$PORT" "$TMP/tag" "$@"
	load_start --clients=2
	for version in $(seq 2 8); do
		tag_set "v$version"
		restart "$SUPERVISOR_PID"
		wait_for 5 tag_is "v$version"
		wait_for 10 old_are_gone
	done
	load_end
	! log_has '^accept:' || fail "a thread met an error: $(grep '^accept:' "$TMP/flip.log")"
	end_all
}

FACE=run
waits_on
waits_on 1
pass
