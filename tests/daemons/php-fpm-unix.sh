#!/bin/bash
# php-fpm on a Unix socket: asks whether somebody answers there, removes the path, binds it.
. "$(dirname "$0")/driver.sh"
to=unix:$TMP/socket
. "$DRIVER/php-fpm.sh"
