#!/bin/bash
# A server that refuses to start if the process in its pid file lives, and writes its own before it
# binds: a new generation starts, and the file names a running process all the time.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pidfiles.sh"

FACE=run
for style in fopen creat excl rename keep link shell; do
	writes "$style" --pidfile-first --pidfile-check
	end_all
done
FACE=bare writes excl --pidfile-first --pidfile-check
end_all

# Without flip the second one finds the first one alive, and ends.
start_server server --pidfile="$file"
expect_match 'already running' "$("$SERVER" --listen=127.0.0.1:8081 --pidfile="$file" --pidfile-check 2>&1)"
pass
