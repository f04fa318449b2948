#!/bin/bash
# busybox httpd: blocks in accept(), a process for each connection, and another for a CGI program.
. "$(dirname "$0")/driver.sh"

package=busybox
version='busybox --help'
http /index.html; fast=("${http[@]}")
http /cgi-bin/slow; slow=("${http[@]}")

configure() {
	mkdir -p "$TMP/v$1/cgi-bin"
	echo "v$1 0 end" >"$TMP/v$1/index.html"
	script_set "$TMP/v$1/cgi-bin/slow" <<-END
		#!/bin/sh
		sleep $slow_s
		printf 'Content-Type: text/plain\r\n\r\n'
		echo "v$1 \$\$ end"
	END
	script_set <<-END
		#!/bin/sh
		exec busybox httpd -f -p 127.0.0.1:$PORT -h "$TMP/v$1"
	END
}

drive
