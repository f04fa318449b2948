#!/bin/bash
# An allocation of flip's fails, at the start, in a restart, in a status: it is refused in a sentence and
# nothing is left, or goes on; flip never dies of it, and no client is lost.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/memory.sh"

control_without_flip
starts_or_says_why
restarts_or_says_why
restarts_or_says_why --on-crash=restart
pass
