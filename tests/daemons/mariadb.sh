#!/bin/bash
# mariadb: locks its tables, so in place. Told by the version that it was given, which is the first thing
# that it says to a client.
. "$(dirname "$0")/driver.sh"

package=mariadb-server-core
version='mariadbd --version'
command=(mariadbd --defaults-file="$TMP/my.cnf")	# known by its name: see flip profiles
in_place=yes
# Logs in without a password, asks, and says that it goes, in one: the answers do not matter to that.
login='\x39\x00\x00\x01\x01\x82\x08\x00\x00\x00\x00\x01\x2d'
login+='\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'
login+='x\x00\x00mysql_native_password\x00'
fast=(--request="$login\x11\x00\x00\x00\x03select @@version\x01\x00\x00\x00\x01" --until='\x05\x00\x00\x05\xfe\x00\x00\x02\x00' --expect='(v[0-9]+)')

prepare() {
	mkdir "$TMP/data"
	configure 0
	mariadb-install-db --defaults-file="$TMP/my.cnf" --auth-root-authentication-method=normal \
		--skip-test-db >"$TMP/install.log" 2>&1 || fail "cannot make the tables"
}

configure() {
	file_set "$TMP/my.cnf" <<-END
		[mariadbd]
		user=$(id -un)
		version=10.11.99-v$1
		datadir=$TMP/data
		socket=$TMP/mariadb.sock
		pid-file=$TMP/mariadb.pid
		bind-address=127.0.0.1
		port=$PORT
		skip-name-resolve
		innodb-buffer-pool-size=8M
		innodb-log-file-size=4M
		innodb-flush-log-at-trx-commit=0
		max-connect-errors=1000000000
		skip-grant-tables
	END
}

break_it() {
	echo 'no-such-variable=1' >>"$TMP/my.cnf"
}

drive
