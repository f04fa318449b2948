# Each process of an upgrade, killed or halted at each of its steps. Source it after lib.sh.

FLIP_PROBATION=500ms
export FLIP_VERBOSE=1

# What the supervisor says at a step.
declare -A STEPS=(
	[started]='generation 2 \(pid \d+\) started'
	[joined]='process \d+ joins generation 2'
	[claim]='generation 2 claims'
	[listening]='of generation 2: LISTENING'
	[waiting]='of generation 2: WAITING'
	[ready]='upgrading, ready: retiring'
	[retire]='generation 1 is to let go'
	[retired]='of generation 1: RETIRED'
	[probation]='retiring, retired: probation'
	[draining]='of generation 1: CONNECTIONS'
	[leaving]='of generation 1: LEAVING'
	[stopping]='generation 1 is sent the stop signal'
)
STEP_NAMES='started joined claim listening waiting ready retire retired probation draining leaving stopping'
TARGETS='supervisor old old-worker new new-worker asker'

# fault STEP TARGET SIGNAL: with a master and workers under load. No client may be refused, and only what
# the killed process had in hand may be lost; somebody serves; if the supervisor lives, the next
# restart works and nothing is left over.
fault() {
	local step=$1 target=$2 signal=$3 old struck strike
	serve_versions server --wait=prefork
	old=$(generation_pid 1)
	load_start --pause-ms=1
	tag_set v2
	behave --init-ms=20
	# It is to be there before the first step: on a busy machine it takes longer to start than a restart.
	python3 "$ROOT/tests/integration/strike.py" "$TMP/flip.log" "${STEPS[$step]}" "$signal" "$target" \
		"$old" "$SUPERVISOR_PID" "$TMP" >"$TMP/struck" &
	strike=$!
	wait_for 10 test -e "$TMP/strike.ready"
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart" 2>&1 &
	echo $! >"$TMP/asker"
	wait "$strike" $!
	struck=$(cat "$TMP/struck")
	rm "$TMP/asker" "$TMP/strike.ready"
	wait_for 10 ask
	load_stop
	echo "$signal $target at $step: struck $struck: ${TALLY%% p50*}" | cut -c 1-140
	[[ $struck == [0-9]* ]] || may_be_gone "$step" "$target" || fail "$target at $step: struck $struck"
	expect_eq 0 "$(load_field refused)" "$step, $target, $signal: refused"
	expect_eq 0 "$(load_field timeout)" "$step, $target, $signal: timed out"
	case $signal,$struck in
	KILL,[0-9]*) [ "$LOAD_FAILED" -le 4 ] || fail "$step, $target: more was lost than a process has: $TALLY" ;;
	*) expect_eq 0 "$LOAD_FAILED" "$step, $target, $signal: failed" ;;
	esac
	[ "$target,$signal" = supervisor,KILL ] || goes_on "$step, $target, $signal"
	end_all
}

# Workers of the new one are yet to come at the first steps; the others have gone by the last ones.
may_be_gone() {
	case $1,$2 in
	*,asker) return 1 ;;
	*,new-worker | leaving,* | stopping,* | draining,old*) ;;
	*) return 1 ;;
	esac
}

goes_on() {
	behave
	tag_set v3
	load_start --pause-ms=1
	wait_for 20 restarts_again
	wait_for 10 tag_is v3
	load_end
	wait_for 20 old_are_gone
	flip stop "$SUPERVISOR_PID"
	wait_for 20 not is_running "$SUPERVISOR_PID"
	wait_for 5 processes_are ''
}

# A retry may come while the other one is still looked after.
restarts_again() {
	flip restart "$SUPERVISOR_PID"
}
