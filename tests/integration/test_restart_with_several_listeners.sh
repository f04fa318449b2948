#!/bin/bash
# Several listeners are handed over together.
. "$(dirname "$0")/lib.sh"

export LOAD_TO="--to=127.0.0.1:$PORT --to=127.0.0.1:8081 --to=[::1]:8081 --to=127.0.0.1:8082"
restart_every_way --listen="127.0.0.1:$PORT" --listen=127.0.0.1:8081 --listen='[::1]:8081' \
	--listen=127.0.0.1:8082
pass
