#!/bin/bash
# Python's http.server with a thread for each request.
. "$(dirname "$0")/driver.sh"
mixin=socketserver.ThreadingMixIn
. "$DRIVER/python-http.sh"
