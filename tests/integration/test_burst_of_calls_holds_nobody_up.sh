#!/bin/bash
# A forked process that is called many times at once, as by a supervisor that gets no answer on a busy
# machine, joins once and goes on: its request is answered in time.
. "$(dirname "$0")/lib.sh"

serve server --wait=fork --work-ms=2000
exec 3<>"/dev/tcp/127.0.0.1/$PORT"
printf 'held\n' >&3
server=$(pgrep -P "$FLIP_PID" -x server)
child_there() {
	read -r child 2>/dev/null <"/proc/$server/task/$server/children"
	child=${child%% *}
	[ -n "$child" ]
}
wait_for 5 child_there
kill -STOP "$child"
for _ in $(seq 40); do
	kill -61 "$child"
done
kill -CONT "$child"
began=$(now_ms)
read -r -t 10 -u 3 ANSWER
took=$(($(now_ms) - began))
echo "answered after $took ms"
expect_match " $child held\$" "$ANSWER" "answer"
[ "$took" -lt 3700 ] || fail "the answer took $took ms"
pass
