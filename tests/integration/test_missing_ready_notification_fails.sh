#!/bin/bash
# The old version has sent READY=1: a new one that waits for clients, but never sends it, fails. The
# old one serves on, the reason is told, and the next version that does send it takes over.
. "$(dirname "$0")/lib.sh"

export FLIP_READY_TIMEOUT=1500ms
notifies() {
	behave --notify-ms=0
}
REPAIR=notifies

tag_set v1
notifies
serve server --wait=epoll --strict --tag-file="$TMP/tag" --behaviour-file="$TMP/behaviour"
behave
upgrade_fails 'generation 2 .* timed out: .* \(it did not send READY=1, as generation 1 had\)'
pass
