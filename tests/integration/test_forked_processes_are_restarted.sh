#!/bin/bash
# A master with workers in accept(), and a process per connection: no request is lost, also one that
# a forked process still works on when its generation is retired, and no process is left.
. "$(dirname "$0")/lib.sh"

control_without_flip
MODES='prefork fork' restart_every_way
MODES='prefork fork' restart_every_way --work-ms=50
serve_versions server --wait=prefork --threads=4
restart
flip stop "$FLIP_PID"
wait_for 10 not is_running "$FLIP_PID"
expect_eq '' "$(processes)" "processes left over"
pass
