#!/bin/bash
# redis with an append-only file: no lock keeps a second one from the same data, so in place. Told by a
# setting. A writer that keeps its connection for as long as it can, and connects again when that is
# ended, must find everything that was acknowledged.
. "$(dirname "$0")/driver.sh"

package=redis-server
version='redis-server --version'
command=(redis-server "$TMP/redis.conf")	# known by its name: see flip profiles
in_place=yes
tag=100
fast=(--request='CONFIG GET timeout\r\nQUIT\r\n' --until='+OK\r\n' --expect="timeout.*($tag[0-9]+)")

configure() {
	mkdir -p "$TMP/data"
	file_set "$TMP/redis.conf" <<-END
		bind 127.0.0.1
		port $PORT
		dir $TMP/data
		protected-mode no
		supervised systemd
		appendonly yes
		save ""
		timeout $tag$1
	END
}

break_it() {
	echo 'no-such-directive yes' >>"$TMP/redis.conf"
}

# Connecting must never fail, nor an answer be wrong; a connection may end, but only between requests
# or before the answer, and then that write is made again.
prepare() {
	cat >"$TMP/writer.py" <<-'END'
		import os, socket, sys, time
		port, stop, log = int(sys.argv[1]), sys.argv[2], sys.argv[3]
		acknowledged, number, connections = [], 0, 0
		def connect():
		    global connections
		    connections += 1
		    s = socket.create_connection(("127.0.0.1", port), 20)
		    return s, s.makefile("rb")
		s, answers = connect()
		def ask(*words):
		    """The first line of the answer; None: the connection has ended before it."""
		    global s, answers
		    try:
		        s.sendall(b"*%d\r\n" % len(words) +
		            b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
		        line = answers.readline()
		    except (ConnectionResetError, BrokenPipeError):
		        line = b""
		    if line:
		        return line
		    s, answers = connect()
		end = time.monotonic() + 2
		while time.monotonic() < end and not os.path.exists(stop):
		    key = b"%d:%d" % (os.getpid(), number)
		    answer = ask(b"SET", key, b"%d" % number)
		    if answer == b"+OK\r\n":
		        acknowledged.append((key, number))
		    elif answer:
		        sys.exit("SET: %s" % answer)
		    number += 1
		    time.sleep(0.001)
		for key, number in acknowledged:
		    value = b""
		    while not value:
		        answer = ask(b"GET", key)
		        value = answers.readline() if answer and answer[:1] == b"$" else answer
		    if value != b"%d\r\n" % number:
		        sys.exit("%s was acknowledged, and is lost: %s" % (key, value))
		print("acknowledged", len(acknowledged), "in", connections, "connections", file=open(log, "a"))
	END
}

in_flight() {
	/usr/bin/python3 "$TMP/writer.py" "$PORT" "$TMP/load.stop" "$TMP/writer.log"
}

drive
