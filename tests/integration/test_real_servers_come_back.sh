#!/bin/bash
# nginx, gunicorn and node: the new version is killed while it is on probation, and the old one serves
# again as it did. See comes_back in tests/daemons/driver.sh.
cd "$(dirname "$0")" || exit 1
for name in nginx gunicorn node; do
	if ! output=$(COMES_BACK=1 FLIP_PROBATION=10s bash "../daemons/$name.sh" 2>&1); then
		echo "$output"
		echo "not ok - real_servers_come_back: $name: $(tail -n 1 <<<"$output")"
		exit 1
	fi
	echo "$name: $(grep '^# came back' <<<"$output")"
done
echo 'ok - real_servers_come_back'
