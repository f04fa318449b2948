#!/bin/bash
# A server that closes one of its listeners and binds its address again, all the time, does so while
# a new version starts slowly, too: it does not meet the copy that flip has of it.
. "$(dirname "$0")/lib.sh"

# restart_slowly_to TAG: the old server lives as long as the new one starts. Has the restart met the moment
# in which the old one has closed its listener, the new one finds its address in use: then once more.
restart_slowly_to() {
	local old
	old=$(pid_now)
	tag_set "$1"
	for _ in 1 2 3; do
		! restart_slowly "$1" || break
		grep -q 'Address already in use' "$TMP/restart.log" || fail "the restart has failed"
		is_running "$old" || fail "the old server has died of it"
		rm -f "$TMP/go.$1"
	done
	wait_for 5 tag_is "$1"
	wait_for 5 second_is "$1"
}

# The same once; uses old.
restart_slowly() {
	local gone looks=0 job
	"$FLIP" restart "$SUPERVISOR_PID" >"$TMP/restart.log" 2>&1 &
	job=$!
	wait_for 5 status_has ' starting'
	while :; do
		is_running "$old" && gone='' || gone=1
		status_has ' starting' || break
		[ -z "$gone" ] || fail "the old server has died meanwhile"
		looks=$((looks + 1))
		[ "$looks" -lt 10 ] || touch "$TMP/go.$1"
		sleep 0.05
	done
	wait "$job" || return 1
	[ "$looks" -ge 10 ] || fail "the new version did not wait to be told"
}

second_is() {
	[ "$(tag_now "$((PORT + 1))")" = "$1" ]
}

touch "$TMP/go.v1"
tag_set v1
serve /usr/bin/python3 "$ROOT/tests/integration/listeners.py" binds_again "$PORT" "$TMP/tag" "$TMP/go"
load_start --pause-ms=2
restart_slowly_to v2
restart_slowly_to v3
load_end
pass
