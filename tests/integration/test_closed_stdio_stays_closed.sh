#!/bin/bash
# A server that is started with standard input, output or error closed finds these numbers free, as
# without flip, in every generation; and flip puts nothing of its own there.
. "$(dirname "$0")/lib.sh"

# Numbers and kinds of what a process has opened, less the channel; sockets have inodes. From 10 on
# may be the shell's, which the bare face does not pass on.
kinds() {
	local fd
	for fd in /proc/"$1"/fd/*; do
		[ "${fd##*/}" -ge 10 ] || echo "${fd##*/} $(readlink "$fd" | sed 's/[0-9]\{3,\}/N/')"
	done
}

# A client takes a number for a moment.
no_clients() {
	! ss -Htnp state established | grep -q "pid=$1,"
}

kinds_are() {
	local pid
	pid=$(pid_now)
	no_clients "$pid" && [ "$(kinds "$pid")" = "$1" ]
}

# launch_closed COMMAND...: with the descriptors in CLOSED closed, and the others on a file.
launch_closed() {
	(
		exec </dev/null >>"$TMP/flip.log" 2>&1
		for fd in $CLOSED; do
			eval "exec $fd>&-"
		done
		exec env --default-signal=HUP,INT,QUIT "$@"
	) &
	LAUNCHED_PID=$!
	disown "$LAUNCHED_PID"
	wait_answer "$LAUNCHED_PID"
}

stays_closed() {
	launch_closed "$SERVER" --wait=epoll
	server=$LAUNCHED_PID
	wait_for 5 no_clients "$server"
	wanted=$(kinds "$server")
	end_all
	if [ "$FACE" = run ]; then
		launch_closed "$FLIP" run -v -- "$SERVER" --wait=epoll
	else
		launch_closed LD_PRELOAD="$LIBRARY" "$SERVER" --wait=epoll
	fi
	wait_for 5 status_has ': serving,' server
	SUPERVISOR_PID=$(sed -n 's/.*supervisor (pid \([0-9]*\)).*/\1/p' <<<"$OUTPUT")
	for fd in $CLOSED; do
		expect_eq /dev/null "$(readlink "/proc/$SUPERVISOR_PID/fd/$fd")" "closed $CLOSED: $fd of the supervisor"
	done
	for generation in 1 2 3; do
		wait_for 5 kinds_are "$wanted"
		load_start --pause-ms=1
		restart server
		expect_match "generation $((generation + 1)) .* ready in" "$OUTPUT"
		load_end
		wait_for 5 old_are_gone
	done
	wait_for 5 kinds_are "$wanted"
	flip stop server || fail "stop: $OUTPUT"
	wait_for 5 processes_are ''
	touch "$TMP/flip.log"
}

# What the shim itself has to say, that it serves on without hot restart, goes to no listener.
says_nothing_there() {
	launch_closed LD_PRELOAD="$TMP/alone.so" "$SERVER" --wait=epoll
	expect_match '^2 socket' "$(kinds "$(pid_now)" | tail -n 2)" "what number 2 is"
	[ ! -s "$TMP/flip.log" ] || fail "flip said something although standard error is closed"
	end_all
}

for CLOSED in 0 '1 2' '0 1 2'; do
	in_both_faces stays_closed
done
cp "$LIBRARY" "$TMP/alone.so"
CLOSED=2 says_nothing_there
# The control: where standard error is open, the shim has something to say.
CLOSED= launch_closed LD_PRELOAD="$TMP/alone.so" "$SERVER" --wait=epoll
log_has 'cannot find the program flip' || fail "the control says nothing"
pass
