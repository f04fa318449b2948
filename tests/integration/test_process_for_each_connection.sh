#!/bin/bash
# A process for each connection: by fork(), by a clone that no library hears of, with a program that
# has the connection as its standard input and output, in a child that a filter confines to some
# system calls, at once or when it has computed for a while.
. "$(dirname "$0")/lib.sh"

control_without_flip
in_both_faces restart_thrice --wait=fork
in_both_faces restart_thrice --wait=fork --raw-clone
in_both_faces restart_thrice --wait=fork-exec
in_both_faces restart_thrice --wait=fork-seccomp
in_both_faces restart_thrice --wait=fork-seccomp --work-ms=60
pass
