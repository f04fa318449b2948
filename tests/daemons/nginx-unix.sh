#!/bin/bash
# nginx on a Unix socket, which it binds without removing the path first.
. "$(dirname "$0")/driver.sh"
to=unix:$TMP/socket
listen=$to
. "$DRIVER/nginx.sh"
