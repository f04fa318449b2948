#!/bin/bash
# node's cluster: the first process accepts, and passes the connections to others.
. "$(dirname "$0")/driver.sh"
workers=2
. "$DRIVER/node.sh"
