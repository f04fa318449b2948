#!/bin/bash
# nginx: a master, and workers that wait with EPOLLEXCLUSIVE.
. "$(dirname "$0")/driver.sh"

package=nginx-light
version='nginx -v'
command=(nginx -e "$TMP/error.log" -c "$TMP/nginx.conf")
pidfile=$TMP/nginx.pid
http /; fast=("${http[@]}")
http /slow; slow=("${http[@]}")

prepare() {
	head -c 6000 /dev/zero | tr '\0' . >"$TMP/padding"
}

configure() {
	mkdir -p "$TMP/v$1"
	{ cat "$TMP/padding"; echo "v$1 0 end"; } >"$TMP/v$1/slow"
	file_set "$TMP/nginx.conf" <<-END
		daemon off;
		pid $pidfile;
		worker_processes 2;
		events { worker_connections 200; }
		http {
			access_log off;
			sendfile off;
			output_buffers 1 4k;	# a piece at a time, 0.3 s apart
			server {
				listen ${listen:-127.0.0.1:$PORT};
				location = / { return 200 "v$1 \$pid end\n"; }
				location = /slow { root $TMP/v$1; limit_rate 13k; }
			}
		}
	END
}

break_it() {
	echo 'no_such_directive on;' >>"$TMP/nginx.conf"
}

drive
