#!/bin/bash
# nginx with a listening socket for each worker.
. "$(dirname "$0")/driver.sh"
listen="127.0.0.1:$PORT reuseport"
. "$DRIVER/nginx.sh"
