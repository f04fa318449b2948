#!/bin/bash
# Options and variables that make no sense: 125, a sentence, and nothing is started.
. "$(dirname "$0")/lib.sh"

refuses() {
	flip "$@"
	expect_eq 125 $? "exit code of: flip $* ($OUTPUT)"
	[ -n "$OUTPUT" ] || fail "flip $* says nothing"
	[ ! -e "$TMP/was-run" ] || fail "flip $* started the command"
}

touching=(touch "$TMP/was-run")
for option in --no-such --ready-timeout=soon --ready-timeout=0 --ready-timeout=-1 --ready-timeout= \
	--max-draining=0 --max-draining=65 --max-draining=x --drain-timeout=1d --restart-signal=KILL --name= --name=a/b \
	--quiet=1; do
	refuses run "$option" -- "${touching[@]}"
done
refuses run
refuses run --
refuses no-such-command
refuses
refuses restart a b
refuses status --no-such
for variable in FLIP_READY_TIMEOUT=soon FLIP_MAX_DRAINING=-1 FLIP_NAME=1 FLIP_STOP_SIGNAL=9 FLIP_IN_PLACE=maybe; do
	export "${variable?}"
	refuses run -- "${touching[@]}"
	expect_match "${variable%%=*}|--name" "$OUTPUT" "names the variable"
	unset "${variable%%=*}"
done
# What cannot be written was not said.
for command in --help --version functions profiles; do
	error=$({ "$FLIP" "$command" >/dev/full; } 2>&1)
	expect_eq 125 $? "exit code of: flip $command >/dev/full"
	expect_match 'standard output' "$error" "flip $command >/dev/full"
done
# An empty variable counts as none.
FLIP_READY_TIMEOUT='' "$FLIP" run -q -- "${touching[@]}" || fail "an empty variable"
[ -e "$TMP/was-run" ] || fail "the control was not started"
pass
