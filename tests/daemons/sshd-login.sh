#!/bin/bash
# sshd, a login with a key: the session goes on in both directions across the restart.
. "$(dirname "$0")/driver.sh"

in_flight() {
	[ "$({ sleep $slow_s; echo after; } | ssh -F none -p "$PORT" -i "$TMP/key" -o BatchMode=yes \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
		"$(id -un)@127.0.0.1" 'echo before; read -r line; echo "$line"')" = $'before\nafter' ]
}

login=yes
. "$DRIVER/sshd-banner.sh"
