#!/bin/bash
# Every generation has the environment of the first, byte for byte, but for the names of its two
# sockets: FLIP_CHANNEL and NOTIFY_SOCKET.
. "$(dirname "$0")/lib.sh"

environment_of() {
	tr '\0' '\n' <"/proc/$1/environ" | sed -E 's/^(FLIP_CHANNEL|NOTIFY_SOCKET)=.*/\1=/' | sort
}

keeps() {
	export EMPTY= ODD='a=b=c "quoted"' LD_PRELOAD_NOT=1
	serve server --wait=epoll
	[ "$FACE" = run ] || restart "$SUPERVISOR_PID"
	first=$(environment_of "$(pid_now)")
	expect_match 'ODD=a=b=c "quoted"' "$first"
	for _ in 1 2 3; do
		restart "$SUPERVISOR_PID"
		expect_eq "$first" "$(environment_of "$(pid_now)")" "environment"
	done
	# And nothing but LD_PRELOAD and the sockets was added to what flip itself was given.
	added=$(diff <(env | sort) <(echo "$first") | grep '^>' | cut -c 3- | cut -d = -f 1)
	for name in $added; do
		case $name in
		_ | SHLVL | OLDPWD | LD_PRELOAD | FLIP_CHANNEL | NOTIFY_SOCKET) ;;
		*) fail "the server has a variable that flip was not given: $name" ;;
		esac
	done
}

others_get_nothing() {
	rm -f "$TMP/others"
	tag_set v1
	serve /usr/bin/python3 "$ROOT/tests/integration/listeners.py" runs_a_program "$PORT" "$TMP/tag" "$TMP/others"
	wait_for 5 test -e "$TMP/others"
	! grep -E '^(FLIP_CHANNEL|LD_PRELOAD)=' "$TMP/others" || fail "another program has variables of flip's"
}

in_both_faces keeps
in_both_faces others_get_nothing
pass
