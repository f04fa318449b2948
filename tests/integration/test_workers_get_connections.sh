#!/bin/bash
# A master accepts, and passes the connections on to workers that it has forked, or that are programs
# of their own.
. "$(dirname "$0")/lib.sh"

control_without_flip
in_both_faces restart_thrice --wait=pass
in_both_faces restart_thrice --wait=pass-exec
in_both_faces session_outlasts_restart --wait=pass
in_both_faces session_outlasts_restart --wait=pass-exec
pass
