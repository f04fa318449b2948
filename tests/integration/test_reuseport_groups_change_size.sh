#!/bin/bash
# SO_REUSEPORT: several sockets on one address, a thread for each. The next version has as many, more
# or fewer of them, or one alone: no client is lost, also if it fails with more.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/datagrams.sh"

# group N [WORDS]: of the next version.
group() {
	local n=$1 words='--reuseport=1'
	shift
	while [ "$n" -gt 1 ]; do
		words+=" --listen=127.0.0.1:$PORT"
		n=$((n - 1))
	done
	behave "$words $*"
}

streams() {
	tag_set v1
	group 4
	serve server --wait="$1" --tag-file="$TMP/tag" --behaviour-file="$TMP/behaviour"
	load_start --clients=8
	version=1
	for size in 4 6 2 1 3; do
		group "$size" --exit-at-start=1 --at=listen
		restart_refused 'exited with status 1' "$SUPERVISOR_PID"
		group "$size"
		version=$((version + 1))
		tag_set "v$version"
		restart "$SUPERVISOR_PID"
		wait_for 5 tag_is "v$version"
	done
	load_end
	# In between, where a group shrinks, each client may have to try again for a second.
	for version in 1 2 3; do
		[ "$(load_answers "v$version")" -gt 0 ] || fail "version $version answered nothing"
	done
	wait_for 10 old_are_gone
	end_all
}

datagrams() {
	FIRST_TAG='v1 4'
	serve_datagrams --wait="$1"
	load_start "${UDP[@]}" --clients=8
	version=1
	for size in 4 6; do
		version=$((version + 1))
		tag_set "v$version $size"
		touch "$TMP/fail"
		restart_refused 'exited with status 1' "$SUPERVISOR_PID"
		rm "$TMP/fail"
		restart "$SUPERVISOR_PID"
		only_new_reads "v$version" 20
	done
	load_end
	end_all
}

control_without_flip
streams epoll-many
streams accept
datagrams recv
datagrams epoll
pass
