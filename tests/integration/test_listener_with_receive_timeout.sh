#!/bin/bash
# SO_RCVTIMEO on the listener, set by the new version as by the old, goes through a restart.
. "$(dirname "$0")/lib.sh"

FACE=run
MODES='accept accept4 threads poll-blocking select-blocking epoll-blocking' \
	restart_every_way --rcvtimeo-ms=200
pass
