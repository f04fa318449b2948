#!/bin/bash
# A server that the kernel calls by a signal when a client is there (F_SETSIG, F_SETOWN): these are properties
# of the listener, which both generations have. A new version that sets them and fails leaves the old one's.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/signalled.py" <<-'END'
	import fcntl, os, signal, socket, sys
	tag, fails = open(sys.argv[1]).read().strip(), os.path.exists(sys.argv[2])
	number = signal.SIGRTMIN + 3
	signal.pthread_sigmask(signal.SIG_BLOCK, {number, signal.SIGIO})
	listener = socket.create_server(("127.0.0.1", 8080), backlog=512)
	listener.setblocking(False)
	F_SETSIG = 10
	fcntl.fcntl(listener, fcntl.F_SETOWN, os.getpid())
	fcntl.fcntl(listener, F_SETSIG, number)
	fcntl.fcntl(listener, fcntl.F_SETFL, fcntl.fcntl(listener, fcntl.F_GETFL) | fcntl.FASYNC)
	if fails:
	    sys.exit("told to fail")
	while True:
	    try:
	        client = listener.accept()[0]
	    except BlockingIOError:
	        signal.sigwaitinfo({number, signal.SIGIO})
	        continue
	    with client:
	        client.setblocking(True)
	        line = client.recv(512)
	        client.sendall(b"%s %d %s" % (tag.encode(), os.getpid(), line))
END

goes_on() {
	tag_set v1
	rm -f "$TMP/fail"
	serve python3 "$TMP/signalled.py" "$TMP/tag" "$TMP/fail"
	load_start
	touch "$TMP/fail"
	restart_refused 'exited with status 1 before it was ready' "$SUPERVISOR_PID"
	expect_answers 20 'v1:[0-9]+' "who answers after the failure"
	rm "$TMP/fail"
	tag_set v2
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v2
	expect_answers 20 'v2:[0-9]+' "who answers"
	load_end
}

in_both_faces goes_on
pass
