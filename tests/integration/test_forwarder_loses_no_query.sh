#!/bin/bash
# A forwarder of datagrams, as for DNS: what the old version has read and asked its upstream about it
# still answers, from the address that was asked, while the new one serves.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/datagrams.sh"

control_datagrams --wait=forward --work-ms=200
serve_datagrams --wait=forward --work-ms=200
load_start "${UDP[@]}" --clients=16
for tag in v2 v3 v4 v5; do
	tag_set $tag
	restart
	only_new_reads $tag 5
done
load_end
wait_for 15 old_are_gone
flip stop "$FLIP_PID"
wait_for 15 not is_running "$FLIP_PID"
wait_for 5 processes_are ''
pass
