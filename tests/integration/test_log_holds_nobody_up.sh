#!/bin/bash
# Nobody reads what flip says: its standard error is a pipe whose reader has gone or has halted, or a file that
# may not grow. The service goes on, is restarted, also in place, and stops.
. "$(dirname "$0")/lib.sh"

# log_to WHAT: descriptor 9 is such a one.
log_to() {
	rm -f "$TMP/pipe"
	mkfifo "$TMP/pipe"
	exec 8<>"$TMP/pipe" 9>"$TMP/pipe"
	case $1 in
	gone) exec 8<&- ;;
	full) timeout 5 dd if=/dev/zero of="$TMP/pipe" oflag=nonblock bs=4096 2>/dev/null ;;
	limited) exec 9>>"$TMP/limited" ;;
	esac
}

goes_on() {
	echo "# $1, $FACE"
	tag_set v1
	server=("$SERVER" --wait=epoll --listen="127.0.0.1:$PORT" --tag-file="$TMP/tag")
	if [ "$FACE" = bare ]; then
		command=(env LD_PRELOAD="$LIBRARY" "${server[@]}")
	else
		command=("$FLIP" run -- "${server[@]}")
	fi
	[ "$1" != limited ] || command=(prlimit --fsize=10 "${command[@]}")
	log_to "$1"
	launch "$TMP/flip.log" bash -c 'exec "$@" >&9 2>&9' - "${command[@]}"
	FLIP_PID=$LAUNCHED_PID
	exec 8<&- 9>&-
	wait_for 10 tag_is v1
	wait_until_serving
	load_start --pause-ms=1
	for version in v2 v3; do
		tag_set "$version"
		restart "$SUPERVISOR_PID"
		wait_for 5 tag_is "$version"
	done
	load_end
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 10 processes_are ''
	rm -f "$TMP/flip.log"
}

for FACE in run bare; do
	goes_on gone
	[ "$FACE" = bare ] || goes_on full
	goes_on limited
done
FACE=run FLIP_IN_PLACE=1 goes_on gone

# Nor does what the library says end a server: that it cannot reach flip, from a network of its own.
log_to gone
launch "$TMP/flip.log" bash -c 'exec "$@" 2>&9' - "$FLIP" run -- unshare -n \
	sh -c 'ip link set lo up; exec "$@"' sh "$SERVER" --listen="127.0.0.1:$PORT"
FLIP_PID=$LAUNCHED_PID
exec 9>&-
answers_there() {
	server=$(pgrep -P "$FLIP_PID") &&
		nsenter -t "$server" -n "$BUILD/tests/bench/load" --to=127.0.0.1:"$PORT" --clients=1 --requests=1
}
wait_for 5 answers_there
kill -KILL "$server" # by its network end_all finds what is left, and this one is elsewhere
end_all

# A server that says something itself is ended by a pipe without a reader: without flip, too.
log_to gone
"$SERVER" --listen="127.0.0.1:$PORT" --exit-at-start=3 2>&9
expect_eq 141 $? "exit code of the control"
exec 9>&-
pass
