#!/bin/bash
# haproxy with a master, and a worker that alone holds the listener.
. "$(dirname "$0")/driver.sh"
mode=-W
pidfile=$TMP/haproxy.pid
global="pidfile $pidfile"
. "$DRIVER/haproxy-db.sh"
