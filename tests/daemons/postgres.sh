#!/bin/bash
# postgresql: locks its data directory, so in place. Told by a setting. A pgbench that connects anew for
# each transaction must not see an error. Not as root, behind a wrapper: so not known by its name.
. "$(dirname "$0")/driver.sh"

package=postgresql-15
postgres=/usr/lib/postgresql/15/bin
version="$postgres/postgres --version"
if [ "$(id -u)" = 0 ]; then
	as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups)
else
	as_postgres=(env)
fi
command=("${as_postgres[@]}" "$postgres/postgres" -D "$TMP/data")
flip_options=(--in-place --stop-signal=INT)
in_place=yes
stop_signal=INT
# The answer has other bytes before the name, of the process number for one, that may read "v3".
# Connects, asks, and says that it goes, in one.
startup='\x00\x00\x00\x29\x00\x03\x00\x00user\x00postgres\x00database\x00postgres\x00\x00'
query='Q\x00\x00\x00\x16show cluster_name\x00'
fast=(--request="$startup${query}X\x00\x00\x00\x04" --until='Z\x00\x00\x00\x05I' --expect='flip (v[0-9]+)')

# What is read as another user: the library may lie where only this one can.
prepare() {
	cp "$LIBRARY" "$TMP/libflip.so"
	export FLIP_LIBRARY=$TMP/libflip.so
	mkdir "$TMP/data"
	[ "$(id -u)" != 0 ] || chown postgres: "$TMP/data"
	"${as_postgres[@]}" "$postgres/initdb" -D "$TMP/data" -U postgres -A trust --no-sync \
		>"$TMP/initdb.log" 2>&1 || fail "initdb"
	# The load client comes from many addresses.
	echo 'host all all 127.0.0.0/8 trust' >>"$TMP/data/pg_hba.conf"
	echo 'select 1;' >"$TMP/one.sql"
}

configure() {
	file_set "$TMP/data/postgresql.conf" <<-END
		cluster_name = 'flip v$1'
		listen_addresses = '127.0.0.1'
		port = $PORT
		unix_socket_directories = ''
		fsync = off
	END
	chmod 644 "$TMP/data/postgresql.conf"
}

break_it() {
	echo 'no_such_setting = on' >>"$TMP/data/postgresql.conf"
}

in_flight() {
	"$postgres/pgbench" -h 127.0.0.1 -p "$PORT" -U postgres -n -C -c 2 -t 50 -f "$TMP/one.sql" \
		postgres >"$TMP/pgbench.log" 2>&1
}

drive
