#!/bin/bash
# Threads in accept(), all with one and the same stack for signal handlers (sigaltstack): flip, which
# interrupts them at the same time, must not use it.
. "$(dirname "$0")/lib.sh"

keeps() {
	serve_versions server --wait=threads --threads=64 --one-stack --strict
	load_start --pause-ms=1
	restart_to v2 v3 v4 v5 v6
	load_end
	grep -E 'smashing|signal|do not say' "$TMP/flip.log" && fail "a generation did not end well"
}

in_both_faces keeps
pass
