#!/bin/bash
# node: one thread waits with epoll.
. "$(dirname "$0")/driver.sh"

package=nodejs
version='node --version'
command=(node "$TMP/server.js")
case $to in
unix:*) listen="'${to#unix:}'" ;;
*) listen="$PORT, '127.0.0.1'" ;;
esac
http /; fast=("${http[@]}")
http /slow; slow=("${http[@]}")

configure() {
	file_set "$TMP/server.js" <<-END
		const cluster = require('cluster'), http = require('http'), workers = ${workers:-0};
		if (workers && cluster.isPrimary) {
			for (let i = 0; i < workers; i++)
				cluster.fork();
		} else {
			http.createServer((request, response) => {
				setTimeout(() => response.end('v$1 ' + process.pid + ' end\n'),
					request.url === '/slow' ? ${slow_s}000 : 0);
			}).listen($listen);
		}
	END
}

break_it() {
	echo 'throw new Error("broken");' | cat - "$TMP/server.js" | file_set "$TMP/server.js"
}

drive
