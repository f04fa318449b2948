#!/bin/bash
# The next version has fewer sockets in its SO_REUSEPORT group: no client is reset. Where flip may
# steer clients away from those that leave, none has to begin its connection again, which TCP does
# after a second; elsewhere some do, and are served then.
. "$(dirname "$0")/groups.sh"
export FLIP_VERBOSE=1 FLIP_PROBATION=300ms

MEMBERS=50	# each that leaves is one chance to reset who is about to be queued

# shrink ADDRESS [WAIT]: under load from many listeners to two.
shrink() {
	local ADDRESS=$1
	tag_set v1
	group $MEMBERS
	serve server --listen="$1" --wait="${2:-epoll-many}" --tag-file="$TMP/tag" \
		--behaviour-file="$TMP/behaviour"
	load_start --clients=8 --to="${LOAD_TO:-$1}"
	group 2
	tag_set v2
	restart "$SUPERVISOR_PID"
	wait_for 5 tag_is v2
	wait_for 10 old_are_gone
	load_end
	wait_for 5 setting_is 0
	! steers_still || fail "flip still steers clients"
	steered=$(grep -c ': clients go to 2 of ' "$TMP/flip.log")
}

steers_still() {
	ls -l "/proc/$SUPERVISOR_PID/fd" | grep -q bpf
}

end_it() {
	end_all
	rm -f "$TMP/flip.log"
}

nobody_waits() {
	shrink "$@"
	expect_eq 1 "$steered" "groups that are steered"
	expect_nobody_waited
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
