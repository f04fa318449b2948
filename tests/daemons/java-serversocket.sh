#!/bin/bash
# Java's ServerSocket: a thread blocked in accept(), and one for each connection.
. "$(dirname "$0")/driver.sh"
class=SocketServer
. "$DRIVER/java-http.sh"
