# What the tests of SO_REUSEPORT groups share. Source it first: with mounts of its own, for a setting that
# flip may not change.
if [ -z "${GROUPS_MOUNTS:-}" ]; then
	export GROUPS_MOUNTS=1
	unshare_flags=-nm
	[ "$(id -u)" = 0 ] || unshare_flags=-rnm
	exec unshare "$unshare_flags" "$BASH" "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"

MIGRATE=/proc/sys/net/ipv4/tcp_migrate_req

# group N [WORDS]: of the next version, at ADDRESS or PORT.
group() {
	local n=$1 words='--reuseport=1'
	shift
	while [ "$n" -gt 1 ]; do
		words+=" --listen=${ADDRESS:-127.0.0.1:$PORT}"
		n=$((n - 1))
	done
	behave "$words $*"
}

setting_is() {
	[ "$(cat $MIGRATE)" = "$1" ]
}

protect_setting() {
	mount --bind $MIGRATE $MIGRATE && mount -o remount,bind,ro $MIGRATE || fail "cannot protect $MIGRATE"
}

# In a user namespace, or a container, there is no such right to begin with.
may_steer() {
	[ "$(tr -s ' ' </proc/self/uid_map)" = ' 0 0 4294967295' ] &&
		setpriv --dump | grep -q '^Capability bounding set:.*bpf.*'
}

# Nobody had to begin a connection again, which TCP does after a second.
expect_nobody_waited() {
	[ "$(load_field max_us)" -lt 900000 ] || fail "a client waited too long: $TALLY"
}
