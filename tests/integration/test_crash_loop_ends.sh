#!/bin/bash
# A server that crashes again and again: it is started again with growing pauses, and after
# --max-crashes within --crash-window flip ends, with its exit code, the reason and its last output.
. "$(dirname "$0")/lib.sh"

# It serves for a moment and then fails: a server that needs what is not there. Not before flip has seen
# that it serves, for one that fails at its start is another case, below.
cat >"$TMP/failing" <<-END
	#!/bin/bash
	"$SERVER" --listen=127.0.0.1:$PORT &
	until "$BUILD/tests/bench/ask" 127.0.0.1:$PORT hello >/dev/null 2>&1; do :; done
	until LD_PRELOAD= "$FLIP" status | grep -q ': serving,'; do :; done
	kill -KILL \$!
	echo "no database today"
	exit 7
END
chmod +x "$TMP/failing"

KEEP_JOB=1 launch "$TMP/flip.log" "$FLIP" run --on-crash=restart --max-crashes=3 -- "$TMP/failing"
FLIP_PID=$LAUNCHED_PID
expect_exit 7 "$FLIP_PID"
log_has 'exited with status 7; clients wait, and the next one is started in 0 ms' ||
	fail "the first is not restarted at once"
log_has 'exited with status 7; clients wait, and the next one is started in 100 ms' ||
	fail "the second is not delayed"
expect_eq 3 "$(grep -c '^no database today' "$TMP/flip.log")" "starts"
expect_match 'that were 3 crashes within 60 s: giving up$' "$(tail -n 1 "$TMP/flip.log")" "reason"
log_has '^flip.*  \| no database today' || fail "no last words"
end_all

# Crashes that lie further apart than the window are none of a loop; 0 means never.
for options in '--max-crashes=2 --crash-window=100ms' '--max-crashes=0'; do
	start_flip --on-crash=restart $options -- server
	for i in 1 2 3; do
		pid=$(pid_now)
		kill -KILL "$pid"
		wait_for 10 answers_another_than "$pid"
		wait_for 5 status_has ': serving,'
		sleep 0.11	# the window
	done
	end_all
done

# A start that fails after a crash counts as well.
tag_set v1
behave
export FLIP_ON_CRASH=restart FLIP_MAX_CRASHES=4
KEEP_JOB=1 serve server --behaviour-file="$TMP/behaviour"
behave --exit-at-start=5
kill -KILL "$(pid_now)"
expect_exit 5 "$FLIP_PID"
expect_match 'generation 4 .* exited with status 5 before it was ready; that were 4 crashes' \
	"$(tail -n 1 "$TMP/flip.log")" "reason"
pass
