#!/bin/bash
transport=tcp
. "$(dirname "$0")/named.sh"
