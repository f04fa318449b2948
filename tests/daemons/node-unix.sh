#!/bin/bash
# node on a Unix socket, which it binds without removing the path first.
. "$(dirname "$0")/driver.sh"
to=unix:$TMP/socket
. "$DRIVER/node.sh"
