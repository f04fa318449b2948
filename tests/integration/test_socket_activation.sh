#!/bin/bash
# A listener that a service manager has opened: flip passes it through to every generation. It is one
# of the service, restarted without a loss and without a wait for somebody to ask for it.
. "$(dirname "$0")/lib.sh"

cat >"$TMP/manager.py" <<-END
	import os, socket, sys
	listener = socket.create_server(("127.0.0.1", $PORT), backlog=128)
	os.dup2(listener.fileno(), 3)
	os.set_inheritable(3, True)
	os.environ["LISTEN_FDS"] = "1"
	os.environ["LISTEN_PID"] = str(os.getpid())
	os.execv(sys.argv[1], sys.argv[1:])
END

activated() {
	tag_set v1
	behave
	launch "$TMP/flip.log" /usr/bin/python3 "$TMP/manager.py" "$@" "$SERVER" --wait="$mode" --strict \
		--listen-fd=3 --tag-file="$TMP/tag" --behaviour-file="$TMP/behaviour"
	FLIP_PID=$LAUNCHED_PID
	wait_answer "$FLIP_PID"
}

for mode in accept poll-blocking threads; do
	activated "$FLIP" run --
	load_start
	for version in v2 v3 v4; do
		tag_set $version
		restart
		wait_for 5 tag_is $version
		wait_for 10 old_are_gone
	done
	load_end
	expect_no_settle_time "$mode"
	end_all
done
pass
