#!/bin/bash
# No request is lost in two restarts under load, in every way to wait, with --blocking.
. "$(dirname "$0")/lib.sh"

# Not edge-triggered: a server that accepts once per edge leaves clients waiting without flip, too.
MODES=${MODES_ALL/epoll-et /}
control_without_flip
restart_every_way --blocking
pass
