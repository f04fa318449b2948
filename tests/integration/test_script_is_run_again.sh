#!/bin/bash
# A script as the command, exec'ing the server or not: the restart runs what stands there now.
. "$(dirname "$0")/lib.sh"

# install TAG [exec]
install() {
	printf '#!/bin/sh\n%s "$@" --tag=%s\n%s' "${2:-} $SERVER" "$1" "${2:+# }exit \$?" >"$TMP/new"
	chmod +x "$TMP/new"
	mv "$TMP/new" "$TMP/server.sh"
}

runs_script() {
	install v1 $1
	KEEP_JOB=1 start_flip -- "$TMP/server.sh" --wait=epoll --listen="127.0.0.1:$PORT"
	load_start --pause-ms=1
	for version in v2 v3; do
		install $version $1
		restart
		expect_eq $version "$(tag_now)"
	done
	load_end
	wait_for 5 old_are_gone
	kill -QUIT "$FLIP_PID"
	expect_exit "$2" "$FLIP_PID"
	wait_for 5 processes_are ''
}

# In the bare face the shell, which never listens, is no part of the service: its exec'ed server is.
runs_script exec 0
runs_script '' 0

# The same in a word of the command.
tag_set v1
start_flip -- sh -c "$SERVER --wait=poll --tag-file=$TMP/tag --listen=127.0.0.1:$PORT; exit \$?"
load_start --pause-ms=1
tag_set v2
restart
expect_eq v2 "$(tag_now)"
load_end
pass
