#!/bin/bash
# No request is lost in two restarts under load, in every way to wait, with --toggle.
. "$(dirname "$0")/lib.sh"

control_without_flip
restart_every_way --toggle
pass
