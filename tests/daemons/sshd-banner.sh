#!/bin/bash
# sshd, up to its banner: a pair of listeners, and fork and exec for each connection.
. "$(dirname "$0")/driver.sh"

package=openssh-server
version='sshd -V'
command=(/usr/sbin/sshd -D -e -f "$TMP/sshd_config")
pidfile=$TMP/sshd.pid
fast=(--until='\n' --hang-up --expect='^SSH-2.0-OpenSSH_[^ ]* (v[0-9]+)')
[ -n "${login:-}" ] || slow=("${fast[@]}" --hold-ms=$((slow_s * 1000)))

prepare() {
	mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$TMP/host_key" &&
		ssh-keygen -q -t ed25519 -N '' -f "$TMP/key"
}

configure() {
	file_set "$TMP/sshd_config" <<-END
		Port $PORT
		HostKey $TMP/host_key
		PidFile $pidfile
		DebianBanner no
		VersionAddendum v$1
		MaxStartups 1000
		PermitRootLogin yes
		StrictModes no
		AuthorizedKeysFile $TMP/key.pub
	END
}

break_it() {
	echo 'NoSuchOption yes' >>"$TMP/sshd_config"
}

drive
