#!/bin/bash
# A choice of what scripts/faults does: each kind of process killed at one step, and halted at another.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults.sh"

fault listening supervisor KILL
fault ready old KILL
fault started old-worker KILL
fault waiting new KILL
fault probation new KILL
fault draining new-worker KILL
fault retired asker KILL
fault ready supervisor STOP
fault started old STOP
fault waiting new STOP
pass
