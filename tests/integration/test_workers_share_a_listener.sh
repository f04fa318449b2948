#!/bin/bash
# A master with workers, in every way to wait on the one listener: in accept(), in poll(), on an epoll
# set each, an exclusive one, one that all of them share.
# Takes long.
. "$(dirname "$0")/lib.sh"

control_without_flip
for mode in prefork prefork-poll prefork-epoll prefork-exclusive prefork-shared; do
	in_both_faces restart_thrice --wait=$mode
done
FACE=run restart_thrice --wait=prefork --raw-clone
pass
