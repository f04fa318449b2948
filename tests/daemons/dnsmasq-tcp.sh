#!/bin/bash
# dnsmasq, asked by TCP: a process for each connection.
. "$(dirname "$0")/driver.sh"
transport=tcp
. "$DRIVER/dnsmasq-udp.sh"
