#!/bin/bash
# varnishd: locks its working directory, so in place. The manager binds, its child listens, and threads
# of that are blocked in accept() for five seconds at a time.
. "$(dirname "$0")/driver.sh"

package=varnish
version='varnishd -V'
# Known by its name: see flip profiles.
command=(varnishd -F -j none -n "$TMP/data" -a "127.0.0.1:$PORT" -T none -s malloc,8m -f "$TMP/v.vcl")
in_place=yes
http /; fast=("${http[@]}" --hang-up)

configure() {
	file_set "$TMP/v.vcl" <<-END
		vcl 4.1;
		backend none none;
		sub vcl_recv { return (synth(200)); }
		sub vcl_synth { synthetic("v$1 0 end" + {"
		"}); return (deliver); }
	END
}

break_it() {
	echo 'no such thing' >>"$TMP/v.vcl"
}

drive
