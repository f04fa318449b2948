#!/bin/bash
# A version that waits otherwise than the one before, blocking or not, takes over all the same.
. "$(dirname "$0")/lib.sh"

control_without_flip
serve_versions server --wait=epoll
load_start
number=1
for words in '--wait=accept' '--wait=epoll-et' '--wait=threads --blocking' \
	'--wait=poll --nonblocking' '--wait=select-blocking --toggle' \
	'--wait=accept --nonblocking' '--wait=poll-blocking' '--wait=epoll'; do
	number=$((number + 1))
	tag_set "v$number"
	behave "$words"
	restart
	wait_for 5 tag_is "v$number"
	load_meets "v$number"
done
load_end
pass
