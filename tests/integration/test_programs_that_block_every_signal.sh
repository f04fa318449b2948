#!/bin/bash
# Every signal is blocked in every thread, through libc or by system calls of the program's own: it is
# restarted as any other, and sees nothing of it (--strict: no interrupted call).
. "$(dirname "$0")/lib.sh"

MODES='epoll poll-blocking' restart_every_way --signals=block
MODES='accept ppoll thread' restart_every_way --signals=block-raw
MODES='epoll threads thread' restart_every_way --signals=block-raw-late
grep -E 'do not say|killing it' "$TMP/flip-before.log" && fail "it did not let go, or end, by itself"
control_without_flip
pass
