#!/bin/bash
# A --name that another service has is refused before anything is started; a name that flip makes up
# gives way.
. "$(dirname "$0")/lib.sh"

start_flip --name=web -- server
server=$(pid_now)
flip run --name=web -- "$SERVER" --listen=127.0.0.1:8081
expect_eq 125 $? "exit code"
expect_match "the name 'web' is taken by .*pid $FLIP_PID" "$OUTPUT"
ask 8081 && fail "it was started all the same"
expect_eq "$server" "$(pid_now)"
restart web

flip run --name='a b' -- "$SERVER"
expect_eq 125 $? "exit code of an impossible name"
flip run --name=1234 -- "$SERVER"
expect_eq 125 $? "exit code of a name of digits only"

PORT=8082 start_flip -- server
PORT=8083 start_flip -- server
flip status "server-$FLIP_PID" || fail "the second 'server': $OUTPUT"
flip status server || fail "the first 'server': $OUTPUT"
pass
