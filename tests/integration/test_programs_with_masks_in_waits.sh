#!/bin/bash
# ppoll, pselect and epoll_pwait with a mask that blocks everything, or that lets in what is blocked
# elsewhere: restarted as any other, without an interruption that the program would not have seen.
. "$(dirname "$0")/lib.sh"

MODES='ppoll pselect epoll-pwait'
restart_every_way --full-mask
restart_every_way --full-mask --signals=handlers
restart_every_way --signals=block
grep -E 'do not say|killing it' "$TMP/flip-before.log" && fail "it did not let go, or end, by itself"
pass
