#!/bin/bash
# The master holds no listener, its worker makes one: readiness, retire and drain are the worker's, and
# it is the master that is told to end.
. "$(dirname "$0")/lib.sh"

control_without_flip
in_both_faces restart_thrice --wait=worker-listens --threads=1
in_both_faces session_outlasts_restart --wait=worker-listens --threads=1
pass
