#!/bin/bash
# memcached as its profile has it: two caches at a time would answer differently.
. "$(dirname "$0")/driver.sh"

flip_options=(--in-place)
in_place=yes
. "$DRIVER/memcached.sh"
