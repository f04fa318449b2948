#!/bin/bash
# Apache: processes with threads, one of which waits for clients.
. "$(dirname "$0")/driver.sh"

package=apache2-bin
version='apache2 -v'
mpm=${mpm:-event}
# The number of processes is fixed, so that they can be counted.
limits=${limits:-"StartServers 2
	ServerLimit 2
	ThreadsPerChild 8
	MaxRequestWorkers 16
	MinSpareThreads 1
	MaxSpareThreads 16"}
modules=/usr/lib/apache2/modules
command=(apache2 -D FOREGROUND -f "$TMP/apache.conf")
pidfile=$TMP/apache.pid
http /index; fast=("${http[@]}")
http /slow; slow=("${http[@]}")

configure() {
	mkdir -p "$TMP/v$1"
	echo "v$1 0 end" >"$TMP/v$1/index"
	{ head -c 5000 /dev/zero | tr '\0' .; echo "v$1 0 end"; } >"$TMP/v$1/slow"
	file_set "$TMP/apache.conf" <<-END
		ServerName localhost
		ServerRoot $TMP
		PidFile $pidfile
		ErrorLog $TMP/error.log
		LoadModule mpm_${mpm}_module $modules/mod_mpm_$mpm.so
		LoadModule authz_core_module $modules/mod_authz_core.so
		LoadModule env_module $modules/mod_env.so
		LoadModule ratelimit_module $modules/mod_ratelimit.so
		Listen 127.0.0.1:$PORT
		User www-data
		Group www-data
		$limits
		DocumentRoot $TMP/v$1
		<Location /slow>
			SetOutputFilter RATE_LIMIT
			SetEnv rate-limit 10
		</Location>
	END
}

break_it() {
	echo 'NoSuchDirective on' >>"$TMP/apache.conf"
}

drive
