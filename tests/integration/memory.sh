# Allocations of flip run that fail, one by one. Source it after lib.sh. EVERY: of how many one is tried.

COUNTER=$TMP/scarce
EVERY=${EVERY:-1}
scarce=$BUILD/tests/servers/libscarce_memory.so
[ -e "$scarce" ] || fail "$scarce is not built"

# The next but n fails. left: how many until then; 0 or less: it has.
fail_at() {
	local hex
	printf -v hex '%08x' "$1"
	# An int, in place: a flip that runs has mapped it.
	printf "\\x${hex:6:2}\\x${hex:4:2}\\x${hex:2:2}\\x${hex:0:2}" 1<>"$COUNTER"
}

left() {
	od -An -td4 "$COUNTER" | tr -d ' '
}

start_scarce() {
	tag_set v1
	launch "$TMP/flip.log" LD_PRELOAD="$scarce" SCARCE_MEMORY="$COUNTER" "$FLIP" run "$@" -- \
		"$SERVER" --wait=epoll --listen="127.0.0.1:$PORT" --tag-file="$TMP/tag"
	FLIP_PID=$LAUNCHED_PID
	wait_for 10 answers_or_is_gone "$FLIP_PID"
}

# Refused in one sentence, and nothing is left; or it serves.
scarce_start() {
	local n=$1 code text
	rm -f "$TMP/flip.log"
	fail_at "$n"
	KEEP_JOB=1 start_scarce --name=scarce 2>/dev/null
	if is_running "$FLIP_PID"; then
		wait_for 10 status_has ': serving,'
		return
	fi
	wait "$FLIP_PID"
	code=$?
	text=$(cat "$TMP/flip.log")
	[[ $code == 125 || $code == 126 ]] || fail "start, allocation $n: exit code $code: $text"
	# The loader's sentence is that it cannot open the library.
	expect_match '^flip(\[[0-9]+\])?: (cannot|no memory) [^'$'\n'']+$' "$text" "start, allocation $n"
	expect_eq '' "$(processes)" "start, allocation $n: processes"
	refused=$((refused + 1))
}

starts_or_says_why() {
	local n tried=0 refused=0
	for ((n = 1; ; n += EVERY)); do
		scarce_start "$n"
		[ "$(left)" -le 0 ] || break
		tried=$((tried + 1))
		if is_running "$FLIP_PID"; then
			tag_set v2
			flip restart scarce || fail "start, allocation $n, and then a restart: $OUTPUT"
			wait_for 5 tag_is v2
		fi
		wait_for 10 all_killed
	done
	wait_for 10 all_killed
	echo "start: $tried of $((n - 1)) allocations failed one by one, $refused times it was refused"
	[ "$tried" -gt 10 ] || fail "hardly any allocation was seen at the start"
}

# restart with allocation n failing, and the status: a generation, or a reason.
scarce_restart() {
	local n=$1 code
	fail_at "$n"
	tag_set "v$n"
	flip restart scarce
	code=$?
	if [ "$code" = 0 ]; then
		expect_match 'generation [0-9]+ \(pid [0-9]+\) ready' "$OUTPUT" "restart, allocation $n"
		wait_for 5 tag_is "v$n"
	else
		expect_eq 1 "$code" "restart, allocation $n: exit code"
		expect_match '([Mm]emory|generation [0-9]+ serves on|has not exited)' "$OUTPUT" "restart, allocation $n"
		refused=$((refused + 1))
	fi
	flip status scarce || [[ $OUTPUT == *emory* ]] || fail "status, allocation $n: $OUTPUT"
	LEFT=$(left)
	fail_at 0
	is_running "$FLIP_PID" || fail "restart, allocation $n: flip has ended"
	wait_for 10 old_are_gone
}

restarts_or_says_why() {
	local n tried=0 refused=0 descriptors_before
	rm -f "$TMP/flip.log"
	fail_at 0
	start_scarce --name=scarce "$@"
	wait_for 10 status_has ': serving,'
	restart scarce
	wait_for 10 old_are_gone
	descriptors_before=$(descriptors_at_rest "$FLIP_PID")
	load_start --pause-ms=1
	for ((n = 1; ; n += EVERY)); do
		scarce_restart "$n"
		[ "$LEFT" -le 0 ] || break
		tried=$((tried + 1))
	done
	tag_set last
	restart scarce
	wait_for 5 tag_is last
	wait_for 10 old_are_gone
	load_stop
	echo "restart $*: $tried of $((n - 1)) allocations failed one by one, $refused times it was refused"
	echo "$TALLY" | cut -c 1-200
	expect_eq 0 "$LOAD_FAILED" "failed requests"
	[ "$tried" -gt 5 ] || fail "hardly any allocation was seen in a restart"
	wait_for 5 descriptors_are "$FLIP_PID" "$descriptors_before"
	flip stop scarce || fail "stop: $OUTPUT"
	wait_for 10 processes_are ''
}
