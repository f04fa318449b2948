#!/bin/bash
# No request is lost in two restarts under load, in every way to wait, as it likes its listener.
. "$(dirname "$0")/lib.sh"

control_without_flip
restart_every_way 
pass
