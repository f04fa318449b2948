#!/bin/bash
# With the library alone, systemd takes the process that it has started for the service, and ends all with that one
# unless it hears of the next (NotifyAccess=all): a restart is refused there, and whoever reads the log knows why.
. "$(dirname "$0")/lib.sh"

warning='systemd will not hear of the process that follows'

# executed WORDS COMMAND...: as systemd executes it, with these variables; SELF stands for its own pid.
executed() {
	local words=$1
	shift
	launch "$TMP/flip.log" sh -c 'export $(echo "$0" | sed "s/SELF/$$/"); exec env "$@"' "$words" "$@"
	FLIP_PID=$LAUNCHED_PID
	wait_answer "$FLIP_PID"
	wait_until_serving
}

bare=(LD_PRELOAD="$LIBRARY" "$SERVER" --listen="127.0.0.1:$PORT" --wait=epoll)

executed SYSTEMD_EXEC_PID=SELF "${bare[@]}"
wait_for 5 log_has "$warning"
load_start --pause-ms=1
restart_refused "systemd takes process $FLIP_PID for the service, .*NotifyAccess=all.*; generation 1 serves on"
load_end
expect_eq "$FLIP_PID" "$(pid_now)"
end_all

# The control: who is told hears of it, flip run stays, and what else systemd has started is not ours.
executed "SYSTEMD_EXEC_PID=SELF NOTIFY_SOCKET=$TMP/notify" "${bare[@]}"
restart
log_has "$warning" && fail "systemd hears of it"
end_all
executed "SYSTEMD_EXEC_PID=$$" "${bare[@]}"
restart
log_has "$warning" && fail "it is another service"
end_all
executed SYSTEMD_EXEC_PID=SELF "$FLIP" run -- "$SERVER" --listen="127.0.0.1:$PORT" --wait=epoll
restart
log_has "$warning" && fail "flip run stays"
end_all

# One that has gone into the background: the file of its pid is all that systemd looks at.
executed SYSTEMD_EXEC_PID=4194303 "${bare[@]}"
wait_for 5 log_has "$warning"
restart
pass
