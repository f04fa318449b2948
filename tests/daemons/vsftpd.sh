#!/bin/bash
# vsftpd: blocks in accept(), and a process by a raw clone() for each session.
. "$(dirname "$0")/driver.sh"

package=vsftpd
version='vsftpd -v 0>&1'
command=(vsftpd "$TMP/vsftpd.conf")
fast=(--greeting='\n' --request='QUIT\r\n' --until='221 ' --expect='^220 (v[0-9]+)')

prepare() {
	mkdir -p "$TMP/empty" "$TMP/public" && head -c 12000 /dev/urandom >"$TMP/public/file"
}

configure() {
	file_set "$TMP/vsftpd.conf" <<-END
		listen=YES
		listen_ipv6=NO
		listen_address=127.0.0.1
		listen_port=$PORT
		background=NO
		anonymous_enable=YES
		anon_root=$TMP/public
		anon_max_rate=30000
		trans_chunk_size=4096
		secure_chroot_dir=$TMP/empty
		ftpd_banner=v$1
	END
}

break_it() {
	echo 'no_such_option=YES' >>"$TMP/vsftpd.conf"
}

# A download of 0.4 s.
in_flight() {
	curl -sS --max-time 20 --disable-epsv "ftp://127.0.0.1:$PORT/file" | cmp - "$TMP/public/file"
}

drive
