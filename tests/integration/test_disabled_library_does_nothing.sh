#!/bin/bash
# FLIP_DISABLE=1: the library does nothing in the server, which is then as without flip.
. "$(dirname "$0")/lib.sh"

export FLIP_DISABLE=1
start_bare_preload server --wait=epoll
expect_eq 1 "$(process_count)" "processes"
flip status
expect_eq 125 $? "there is no service"
kill -HUP "$FLIP_PID"
wait_for 5 not is_running "$FLIP_PID"
FLIP_DISABLE=0
start_bare_preload server --wait=epoll
wait_for 5 status_has ': serving'
pass
