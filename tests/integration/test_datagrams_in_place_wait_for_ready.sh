#!/bin/bash
# A server of datagrams alone, in place, that asks epoll and says READY=1 later, itself or by a worker that
# it forks: it reads nothing before, and everything afterwards, also if the supervisor is killed meanwhile.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/datagrams.sh"

cat >"$TMP/server.py" <<-'END'
	import os, select, socket, sys, time
	port, who, tag_file = int(sys.argv[1]), sys.argv[2], sys.argv[3]
	tag, delay = open(tag_file).read().split()
	def notify():
	    time.sleep(float(delay))
	    address = os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1)
	    try:
	        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", address)
	    except OSError: # the supervisor is gone
	        pass
	    print(tag, "says that it is ready", file=sys.stderr)
	def answer(udp):
	    data, peer = udp.recvfrom(2000)
	    udp.sendto(b"%s %d %s" % (tag.encode(), os.getpid(), data), peer)
	udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	udp.bind(("127.0.0.1", port))
	if who == "worker" and os.fork() != 0:
	    notify()
	    os.wait()
	poll = select.epoll()
	poll.register(udp, select.EPOLLIN)
	if who == "self":
	    notify()
	while True:
	    for _ in poll.poll():
	        answer(udp)
END

# serves WHO: until v1 answers.
serves() {
	echo v1 0 >"$TMP/tag"
	launch "$TMP/flip.log" "$FLIP" run --in-place -- /usr/bin/python3 "$TMP/server.py" "$PORT" "$1" \
		"$TMP/tag"
	FLIP_PID=$LAUNCHED_PID
	wait_for 10 answered_by v1
	wait_for 10 status_has ': serving,'
}

answered_by() {
	[[ $(ask_datagram) == "$1 "* ]]
}

for who in self worker; do
	serves $who
	load_start "${UDP[@]}" --clients=2 --timeout-ms=8000
	echo v2 1 >"$TMP/tag"
	began=$(now_ms)
	restart
	[ $(($(now_ms) - began)) -ge 950 ] || fail "$who: it did not wait for READY=1"
	wait_for 5 answered_by v2
	load_meets v2
	load_end
	end_all
done

serves self
echo v2 2 >"$TMP/tag"
"$FLIP" restart "$FLIP_PID" >/dev/null 2>&1 &
wait_for 10 log_has 'generation 2 .* started'
sleep 0.5
kill -KILL "$FLIP_PID"
wait_for 10 log_has 'v2 says that it is ready'
wait_for 5 answered_by v2
pass
