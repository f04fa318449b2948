#!/bin/bash
# The same for a listener on IPv6.
. "$(dirname "$0")/lib.sh"

# The helpers ask 127.0.0.1, hence a second listener for them; the load goes to ::1 only.
export LOAD_TO="--to=[::1]:$PORT"
MODES='accept epoll epoll-et poll select threads' \
	restart_every_way --listen="[::1]:$PORT" --listen="127.0.0.1:$PORT"
pass
