#!/bin/bash
# gunicorn on a Unix socket, whose path the old master removes when it ends.
. "$(dirname "$0")/driver.sh"
to=unix:$TMP/socket
. "$DRIVER/gunicorn.sh"
