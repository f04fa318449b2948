#!/bin/bash
# The command is not the server, but what starts it: a shell that waits for it, env, the
# dynamic loader, a script that execs another one. Restart, a version that fails, stop.
# Takes long.
. "$(dirname "$0")/lib.sh"

printf '#!/bin/sh\nprepared=yes; export prepared\nexec "%s/second.sh" "$@"\n' "$TMP" >"$TMP/first.sh"
printf '#!/bin/sh\n[ "$prepared" = yes ] || exit 9\nexec "%s" "$@"\n' "$SERVER" >"$TMP/second.sh"
chmod +x "$TMP/first.sh" "$TMP/second.sh"
arguments="--strict --listen=127.0.0.1:$PORT --tag-file=$TMP/tag --behaviour-file=$TMP/behaviour"

wrapped() {
	local before
	tag_set v1
	behave
	serve "$@"
	load_start
	before=$(processes)
	behave --exit-at-start=3
	restart_refused 'before it was ready' "$SUPERVISOR_PID"
	wait_for 5 processes_are "$before"
	if [ "$mode" = epoll ]; then
		behave --hang-at-start --at=listen
		restart_refused 'timed out' "$SUPERVISOR_PID"
		wait_for 5 processes_are "$before"
	fi
	behave
	for version in v2 v3; do
		tag_set $version
		restart "$SUPERVISOR_PID"
		expect_eq $version "$(tag_now)"
		wait_for 5 old_are_gone
	done
	load_end
	flip stop "$SUPERVISOR_PID" || fail "stop: $OUTPUT"
	wait_for 5 processes_are ''
}

loader=$(ldd "$FLIP" | grep -o '/[^ ]*/ld-linux[^ ]*')
export FLIP_READY_TIMEOUT=2s
control_without_flip
# Scripts set another library, an allocator mostly, or unset it: the server is one of flip's all the same.
mode=epoll
FACE=run wrapped env LD_PRELOAD=libm.so.6 "$SERVER" --wait=$mode $arguments
FACE=run wrapped env -u LD_PRELOAD "$SERVER" --wait=$mode $arguments
end_all
for mode in epoll prefork; do
	in_both_faces wrapped sh -c "$SERVER --wait=$mode $arguments; true"
	in_both_faces wrapped env A=b "$SERVER" --wait=$mode $arguments
	in_both_faces wrapped "$loader" "$SERVER" --wait=$mode $arguments
	in_both_faces wrapped "$TMP/first.sh" --wait=$mode $arguments
	# flip has started it, so it is the server, though nothing of flip is left in the environment.
	FACE=run wrapped env -i "$SERVER" --wait=$mode $arguments
	end_all
done
pass
