#!/bin/bash
# --on-crash=restart: the supervisor has copies of the listeners, but a port that the program itself
# closes is closed at once, for clients are to be refused where nobody serves. And a program that
# binds it again gets it.
. "$(dirname "$0")/lib.sh"

listens() {
	ss -Htln "( sport = :$1 )" | grep -q .
}

held() {
	local pid=$1
	[ "$(ls -l "/proc/$pid/fd" | grep -c 'socket:')" -ge "$2" ]
}

cat >"$TMP/closing.py" <<-'END'
	import os, select, signal, socket, sys
	def listen(port):
	    s = socket.socket()
	    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	    s.bind(("127.0.0.1", port))
	    s.listen()
	    return s
	ports = [8080, 8081]
	listeners = [listen(port) for port in ports]
	def act(*_):
	    what = open(sys.argv[1]).read().split()
	    if what[0] == "close":
	        listeners[1].close()
	    elif what[0] == "raw":
	        import ctypes
	        ctypes.CDLL(None).syscall(3, listeners[1].fileno())
	        listeners[1].detach()
	    elif what[0] == "dup2":
	        os.dup2(os.open("/dev/null", os.O_RDONLY), listeners[1].fileno())
	        listeners[1].close()
	    elif what[0] == "shutdown":
	        listeners[1].shutdown(socket.SHUT_RDWR)
	        listeners[1].close()
	    elif what[0] == "open":
	        listeners[1:] = [listen(8081)]
	    elif what[0] == "reopen":
	        listeners[1].close()
	        listeners[1:] = [listen(8081)]
	    print("did", what[0], flush=True)
	signal.signal(signal.SIGUSR1, act)
	while True:
	    try:
	        ready = select.select([l for l in listeners if l.fileno() >= 0], [], [], 0.02)[0]
	    except (OSError, ValueError):
	        continue    # closed meanwhile
	    for s in ready:
	        try:
	            c = s.accept()[0]
	            ends = os.path.exists(sys.argv[1] + ".raise")  # not later: who has the answer removes it
	            c.sendall(b"v1 %d %s" % (os.getpid(), c.recv(100)))
	            c.close()
	        except OSError:
	            continue
	        if ends:
	            raise SystemExit(1)
END

# act WHAT: tell the server, and see that it has done it.
acts() {
	echo "$1" >"$TMP/what"
	kill -USR1 "$pid"
	wait_for 5 log_has_n "did $1" "${2:-1}"
}

log_has_n() {
	[ "$(grep -c "^$1" "$TMP/flip.log")" -ge "$2" ]
}

closes() {
	start_flip --on-crash=restart -- /usr/bin/python3 "$TMP/closing.py" "$TMP/what"
	pid=$(pid_now)
	wait_for 5 log_has 'ready'
	acts "$1"
	wait_for "$2" not listens 8081
	ask 8081 && fail "$1: it is still answered"
	ask 8080 >/dev/null || fail "$1: the other one is gone, too"
	acts open
	ask 8081 >/dev/null || fail "$1: it cannot be opened again"
	# The new one is held, too.
	kill -KILL "$pid"
	wait_for 5 answers_another_than "$pid"
	pid=$(pid_now)
	expect_eq "$pid" "$(pid_now 8081)" "$1: who serves the other port"
	end_all
}

closes close 1
closes dup2 1
closes shutdown 1
# Not seen by the library: by looking once a second.
closes raw 3

# Closed because the interpreter ends after an exception: that is a crash, and clients wait.
start_flip --on-crash=restart -- /usr/bin/python3 "$TMP/closing.py" "$TMP/what"
pid=$(pid_now)
wait_for 5 log_has 'ready'
touch "$TMP/what.raise"
ask >/dev/null || fail "no answer"
rm "$TMP/what.raise"
for i in 1 2 3 4 5; do
	ask >/dev/null || fail "a client was refused while the next one started"
done
wait_for 5 log_has 'generation 2 .* ready'
end_all

# Closed and bound again, at full speed: never refused to the program, and clients go on.
start_flip --on-crash=restart -- /usr/bin/python3 "$TMP/closing.py" "$TMP/what"
pid=$(pid_now)
wait_for 5 log_has 'ready'
load_start --to=127.0.0.1:8081 --pause-ms=1
for i in 1 2 3 4 5 6 7 8 9 10; do
	acts reopen "$i"
done
wait_for 5 ask 8081
load_stop
rm "$TMP/load.log"
is_running "$pid" || fail "the program died of it"
end_all

# In flip's own way for no crash: nothing is held when nothing changes hands.
start_flip -- /usr/bin/python3 "$TMP/closing.py" "$TMP/what"
pid=$(pid_now)
before=$(descriptors_at_rest "$FLIP_PID")
acts close
wait_for 1 not listens 8081
expect_eq "$before" "$(descriptors_at_rest "$FLIP_PID")" "descriptors"
pass
