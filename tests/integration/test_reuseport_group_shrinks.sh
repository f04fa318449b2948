#!/bin/bash
# The next version has fewer sockets in its SO_REUSEPORT group: no client is reset. Where flip may
# steer clients away from those that leave, none has to begin its connection again, which TCP does
# after a second; elsewhere some do, and are served then.
# With mounts of its own, for a setting that flip may not change.
if [ -z "${GROUPS_MOUNTS:-}" ]; then
	export GROUPS_MOUNTS=1
	unshare_flags=-nm
	[ "$(id -u)" = 0 ] || unshare_flags=-rnm
	exec unshare "$unshare_flags" "$BASH" "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
export FLIP_VERBOSE=1 FLIP_PROBATION=300ms

MIGRATE=/proc/sys/net/ipv4/tcp_migrate_req
BEGUN_AGAIN_US=900000
MEMBERS=50	# each that leaves is one chance to reset who is about to be queued

# shrink ADDRESS [WAIT]: under load from many listeners to two.
shrink() {
	local listen words=''
	printf -v listen ' %.0s' $(seq $((MEMBERS - 1)))
	words="--reuseport=1${listen// / --listen=$1}"
	tag_set v1
	behave "$words"
	serve server --listen="$1" --wait="${2:-epoll-many}" --tag-file="$TMP/tag" \
		--behaviour-file="$TMP/behaviour"
	load_start --clients=8 --to="${LOAD_TO:-$1}"
	behave "--reuseport=1 --listen=$1"
	tag_set v2
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v2
	wait_for 10 old_are_gone
	load_end
	wait_for 5 not grep -q 1 $MIGRATE
	steered=$(grep -c ': clients go to 2 of ' "$TMP/flip.log")
	max_us=$(load_field max_us)
}

end_it() {
	end_all
	rm -f "$TMP/flip.log"
}

nobody_waits() {
	shrink "$@"
	expect_eq 1 "$steered" "groups that are steered"
	[ "$max_us" -lt $BEGUN_AGAIN_US ] || fail "a client of $1 waited for $max_us us"
	end_it
}

some_may_wait() {
	shrink "$@"
	expect_eq 0 "$steered" "groups that are steered"
	end_it
}

# Somebody else has the same port of an address of its own, before whom a listener on all comes last.
neighbour_keeps_its_clients() {
	tag_set other
	launch "$TMP/neighbour.log" "$SERVER" --reuseport=1 --listen="127.0.0.2:$PORT" --tag-file="$TMP/tag"
	local neighbour=$LAUNCHED_PID
	wait_for 10 ask "127.0.0.2:$PORT"
	LOAD_TO=127.0.0.2:$PORT shrink "0.0.0.0:$PORT"
	expect_eq "other:$neighbour=$(load_field ok)" "$(load_field by)" "who answers the neighbour's clients"
	expect_eq 0 "$steered" "groups that are steered"
	end_it
}

without_rights() {
	printf '#!/bin/sh\nexec setpriv --bounding-set=-bpf,-sys_admin --inh-caps=-bpf,-sys_admin "%s" "$@"\n' \
		"$FLIP" >"$TMP/confined"
	chmod 755 "$TMP/confined"
	FLIP=$TMP/confined some_may_wait "127.0.0.1:$PORT"
}

protect_setting() {
	mount --bind $MIGRATE $MIGRATE && mount -o remount,bind,ro $MIGRATE || fail "cannot protect $MIGRATE"
}

# In a user namespace, or a container, there is no such right to begin with.
may_steer() {
	[ "$(tr -s ' ' </proc/self/uid_map)" = ' 0 0 4294967295' ] &&
		setpriv --dump | grep -q '^Capability bounding set:.*bpf.*'
}

control_without_flip
if may_steer; then
	nobody_waits "127.0.0.1:$PORT"
	LOAD_TO=127.0.0.1:$PORT nobody_waits "0.0.0.0:$PORT"
	LOAD_TO=127.0.0.1:$PORT nobody_waits "[::]:$PORT" accept
	LOAD_TO=127.0.0.1:$PORT some_may_wait "[::ffff:127.0.0.1]:$PORT"
	neighbour_keeps_its_clients
	without_rights
	protect_setting
	nobody_waits "127.0.0.1:$PORT"
	without_rights
else
	some_may_wait "127.0.0.1:$PORT"
	protect_setting
	some_may_wait "127.0.0.1:$PORT"
fi
pass
