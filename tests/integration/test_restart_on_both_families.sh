#!/bin/bash
# One socket for IPv4 and IPv6 clients is handed over as such.
. "$(dirname "$0")/lib.sh"

export LOAD_TO="--to=[::1]:$PORT --to=127.0.0.1:$PORT"
MODES='accept4 epoll ppoll pselect thread' restart_every_way --listen="[::]:$PORT" --v6only=0
pass
