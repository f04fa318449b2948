#!/bin/bash
# pure-ftpd: pselect() and then a blocking accept(), a process for each session; shuts its listener
# down when it ends.
. "$(dirname "$0")/driver.sh"

package=pure-ftpd
pure_ftpd=$(daemon_program pure-ftpd)
version="$pure_ftpd --help"
pidfile=$TMP/pure-ftpd.pid
fast=(--greeting='220 ' --request='QUIT\r\n' --until='221 ' --expect='^220-.*(v[0-9]+) end')

prepare() {
	mkdir -p "$TMP/public" && head -c 12000 /dev/urandom >"$TMP/public/file" &&
		mount --bind "$TMP/public" "$(getent passwd ftp | cut -d : -f 6)"
}

configure() {
	echo "v$1 end" >"$TMP/v$1"
	script_set <<-END
		#!/bin/sh
		exec "$pure_ftpd" -S 127.0.0.1,$PORT -e -H -c 200 -C 200 -t 30 -F "$TMP/v$1" -g "$pidfile"
	END
}

# A download of 0.4 s.
in_flight() {
	curl -sS --max-time 20 --disable-epsv "ftp://127.0.0.1:$PORT/file" | cmp - "$TMP/public/file"
}

drive
