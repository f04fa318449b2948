#!/bin/bash
# PHP's own web server: pselect(), one request at a time.
. "$(dirname "$0")/driver.sh"

package=php8.2-cli
version='php8.2 -v'
http /; fast=("${http[@]}")
http /slow; slow=("${http[@]}")
slow_clients=1

# It reads the script at each request: the version is an option of the process.
prepare() {
	cat >"$TMP/router.php" <<-'END'
		<?php
		if ($_SERVER["REQUEST_URI"] == "/slow")
			usleep(200000);
		printf("%s %d end\n", ini_get("user_agent"), getmypid());
	END
}

configure() {
	script_set <<-END
		#!/bin/sh
		exec php8.2 -d user_agent=v$1 -S 127.0.0.1:$PORT "$TMP/router.php" 2>/dev/null
	END
}

drive
