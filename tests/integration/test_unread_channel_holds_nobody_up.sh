#!/bin/bash
# One of the service's processes does not read what flip tells it, or slowly, or until its channel is full:
# the status, restarts, all other processes and clients do not wait for it.
. "$(dirname "$0")/lib.sh"

# A hundred in all: each is answered, if need be without the count of who is silent.
ask_often() {
	local i n pids began took slowest=0
	for i in $(seq 10); do
		pids=()
		began=$(now_ms)
		for n in $(seq 10); do
			"$FLIP" status "$FLIP_PID" >"$TMP/status.$n" 2>&1 &
			pids+=($!)
		done
		wait "${pids[@]}"
		took=$(($(now_ms) - began))
		[ "$took" -le "$slowest" ] || slowest=$took
		for n in $(seq 10); do
			grep -q '^generation .* serving,' "$TMP/status.$n" || fail "status: $(cat "$TMP/status.$n")"
		done
	done
	echo "slowest of ten times ten questions: $slowest ms"
	[ "$slowest" -lt 4000 ] || fail "flip status took $slowest ms"
}

is_joined() {
	[ "$(grep -c 'joins generation' "$TMP/flip.log")" -ge "$1" ]
}

# start_with_reader MS [SECONDS]: beside the server, and in every generation.
start_with_reader() {
	tag_set v1
	FLIP_VERBOSE=1 start_flip --stop-timeout=2s -- sh -c \
		'/usr/bin/python3 "$0" $1 & shift; exec "$@"' \
		"$ROOT/tests/integration/slow_reader.py" "$*" "$SERVER" --wait=epoll \
		--listen="127.0.0.1:$PORT" --tag-file="$TMP/tag"
	wait_for 10 is_joined 2
	load_start --pause-ms=1
}

# timed COMMAND...: sets TOOK.
timed() {
	local began
	began=$(now_ms)
	"$@"
	TOOK=$(($(now_ms) - began))
	echo "$1: $TOOK ms: $(tail -n 1 <<<"$OUTPUT")"
}

ends() {
	load_stop
	echo "$TALLY" | cut -c 1-200
	expect_eq 0 "$LOAD_FAILED" "failed requests"
	[ "$(load_field max_us)" -lt 1000000 ] || fail "a client waited $(load_field max_us) us"
	flip stop "$FLIP_PID" || fail "stop: $OUTPUT"
	wait_for 10 processes_are ''
	end_all
}

reads_slowly() {
	local n
	start_with_reader 20
	ask_often
	for n in 2 3; do
		tag_set v$n
		timed restart
		[ "$TOOK" -lt 8000 ] || fail "the restart took $TOOK ms"
		wait_for 5 tag_is v$n
		wait_for 20 old_are_gone
		wait_for 10 is_joined $((n * 2))
	done
	ends
}

# It is told to let go again and again, more than there is room for, and then it goes on.
stops_reading() {
	start_with_reader 1 4
	tag_set v2
	timed restart
	[ "$TOOK" -lt 8000 ] || fail "the restart took $TOOK ms"
	wait_for 5 tag_is v2
	log_has 'process [0-9]+ of generation 1 does not read what it is told' || fail "there was room for all"
	wait_for 20 old_are_gone
	log_has 'generation 1 \(pid [0-9]+\) is gone: it exited' || fail "the old one did not end by itself"
	ends
}

# It may have a listener that no other has: there is no restart without its answer, but a reason.
reads_nothing() {
	local reader
	start_with_reader 0
	ask_often
	reader=$(pgrep -P "$(pid_now)")
	tag_set v2
	timed restart_refused \
		"process $reader of generation 1 did not hand over its listeners within 5000 ms; generation 1 serves on"
	[ "$TOOK" -lt 8000 ] || fail "the refusal took $TOOK ms"
	expect_eq v1 "$(tag_now)" "who serves"
	kill -KILL "$reader"
	restart
	wait_for 5 tag_is v2
	wait_for 20 old_are_gone
	wait_for 10 is_joined 4
	kill -KILL "$(pgrep -P "$(pid_now)")"	# a drain would wait for it, too
	ends
}

control_without_flip
reads_slowly
stops_reading
reads_nothing
pass
