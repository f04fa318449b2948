#!/bin/bash
# Servers that make and close listeners while they run, or have some for themselves: one that replaces
# its listener, one that opens another one for a moment, one whose helper has one that it made itself,
# one whose processes talk by a Unix socket, one of MPTCP.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/server.py" <<'END'
import os, select, socket, sys, time
habit, port, tag = sys.argv[1], int(sys.argv[2]), open(sys.argv[3]).read().strip()

def listener(port, protocol=0):
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if habit == "replaces":
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    made.listen(1024)
    return made

def answer(client):
    with client:
        line = client.recv(1024)
        client.sendall(b"%s %d %s" % (tag.encode(), os.getpid(), line))

def answer_one(main):
    try:
        client = main.accept()[0]
    except OSError:
        return False # another generation was faster: ECONNABORTED, as of a client that has gone
    answer(client)
    return True

def answer_for(main, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([main], [], [], 0.01)[0]:
            answer_one(main)

def replaces(main):
    while True:
        answer_for(main, 0.3)
        new = listener(port)
        time.sleep(0.005)
        while select.select([main], [], [], 0)[0]:
            answer_one(main)
        main.close()
        main = new

# Slow to start, so that the old one opens and closes its second listener meanwhile; the new one has
# none before it serves.
def reopens(main):
    while not answer_one(main):
        pass
    while True:
        with listener(port + 1) as second:
            select.select([second], [], [], 0.01)
        answer_for(main, 0.02)

def helper(main):
    own = listener(0)
    if os.fork() == 0:
        os.set_inheritable(own.fileno(), True)
        os.execv(sys.executable, [sys.executable, "-c", """if True:
            import socket, sys
            own = socket.socket(fileno=int(sys.argv[1]))
            while True:
                own.accept()[0].sendall(b'here')""", str(own.fileno())])
    with socket.create_connection(own.getsockname()) as asked:
        assert asked.recv(4) == b"here"
    own.close()
    answer_for(main, 3600)

def talks(main):
    path = sys.argv[3] + ".socket"
    if os.path.exists(path):
        os.unlink(path)
    inner = socket.socket(socket.AF_UNIX)
    inner.bind(path)
    inner.listen()
    while select.select([main, inner], [], []) and not answer_one(main):
        pass # from now on the name leads to this one
    if os.fork() == 0:
        main.close()
        mine = socket.socket(socket.AF_UNIX)
        mine.connect(path)
        mine.recv(1) # until the master has gone
        os._exit(0)
    kept = inner.accept()[0]
    answer_for(main, 3600)

if habit == "reopens":
    time.sleep(0.3)
main = listener(port, 262 if habit == "mptcp" else 0)
{"replaces": replaces, "reopens": reopens, "helper": helper, "talks": talks,
 "mptcp": lambda main: answer_for(main, 3600)}[habit](main)
END

# comes_and_goes HABIT
comes_and_goes() {
	echo "--- $1"
	tag_set v1
	serve /usr/bin/python3 "$TMP/server.py" "$1" "$PORT" "$TMP/tag"
	load_start --clients=2 --pause-ms=2
	restart_to v2 v3
	wait_for 10 old_are_gone
	load_end
	log_has 'died during the upgrade' && fail "$1: an old one did not live until its time"
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 5 processes_are ''
	end_all
}

for habit in replaces reopens helper talks; do
	comes_and_goes "$habit"
done
if /usr/bin/python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)' 2>/dev/null; then
	comes_and_goes mptcp
else
	echo "this kernel has no MPTCP"
fi
pass
