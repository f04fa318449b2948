#!/bin/bash
# Apache: processes that block in accept().
. "$(dirname "$0")/driver.sh"
mpm=prefork
limits='StartServers 5
	ServerLimit 5
	MaxRequestWorkers 5
	MinSpareServers 1
	MaxSpareServers 5'
slow_clients=2
. "$DRIVER/apache-event.sh"
