#!/bin/bash
# Environment, directory, umask, limits, blocked and ignored signals: each generation finds what
# the program finds without flip.
. "$(dirname "$0")/lib.sh"

cd "$TMP" || fail "cannot enter $TMP"
cat >start.sh <<'END'
umask 027
ulimit -S -n 300
FLIPTEST='a value with  blanks'
export FLIPTEST
exec env --block-signal=USR1,WINCH --ignore-signal=USR2,HUP,INT "$@"
END

# start_of N FILE: what the Nth process printed.
start_of() {
	awk -v wanted="$1" '/^argv\[0\]/ { n++ }
		n == wanted && /^(cwd|FLIPTEST|umask|nofile|blocked|ignored)/' "$2"
}

printed() {
	[ "$(grep -c '^ignored' "$1")" = "$2" ]
}

launch "$TMP/bare.log" sh start.sh "$SERVER" --print-start --listen=127.0.0.1:8099
wait_for 5 printed "$TMP/bare.log" 1
wanted=$(start_of 1 "$TMP/bare.log")
expect_match 'blocked: 10 28.*ignored: 1 2 12' "$wanted" "the program without flip"
end_all

keeps() {
	if [ "$FACE" = run ]; then
		launch "$TMP/flip.log" sh start.sh "$FLIP" run -- "$SERVER" --print-start
	else
		launch "$TMP/flip.log" sh start.sh env LD_PRELOAD="$LIBRARY" "$SERVER" --print-start
	fi
	wait_answer "$LAUNCHED_PID"
	for generation in 1 2 3; do
		wait_for 5 printed "$TMP/flip.log" "$generation"
		expect_eq "$wanted" "$(start_of "$generation" "$TMP/flip.log")" \
			"start of generation $generation"
		wait_for 5 status_has ': serving'
		flip restart || fail "restart: $OUTPUT"
	done
}

in_both_faces keeps
pass
