#!/bin/bash
# Python's http.server with a process for each request, which holds the listener, too.
. "$(dirname "$0")/driver.sh"
mixin=socketserver.ForkingMixIn
. "$DRIVER/python-http.sh"
