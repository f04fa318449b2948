#!/bin/bash
# gunicorn: a master, and processes that select() and then accept().
. "$(dirname "$0")/driver.sh"

package=gunicorn
version='gunicorn --version'
pidfile=$TMP/gunicorn.pid
command=(/usr/bin/gunicorn --chdir "$TMP" --workers 3 --bind "${to#unix:}" --pid "$pidfile"
	--log-level warning app:app)
case $to in
unix:*) command[6]=unix:${to#unix:} ;;
esac
http /; fast=("${http[@]}")
http /slow; slow=("${http[@]}")
slow_clients=2

configure() {
	file_set "$TMP/app.py" <<-END
		import os, time
		def app(environment, start_response):
		    if environment["PATH_INFO"] == "/slow":
		        time.sleep($slow_s)
		    start_response("200 OK", [])
		    return [b"v$1 %d end\n" % os.getpid()]
	END
}

break_it() {
	echo 'raise Exception' | file_set "$TMP/app.py"
}

drive
