#!/bin/bash
# Python's http.server: polls, then a blocking accept().
. "$(dirname "$0")/driver.sh"

package=python3
version='/usr/bin/python3 -V'
command=(/usr/bin/python3 "$TMP/server.py")
http /; fast=("${http[@]}")
http /slow; slow=("${http[@]}")
[ -n "${mixin:-}" ] || slow_clients=1 slow_s=0.2	# one request at a time

configure() {
	file_set "$TMP/server.py" <<-END
		import http.server, os, socketserver, time
		class Handler(http.server.BaseHTTPRequestHandler):
		    def do_GET(self):
		        if self.path == "/slow":
		            time.sleep($slow_s)
		        self.send_response(200)
		        self.end_headers()
		        self.wfile.write(b"v$1 %d end\n" % os.getpid())
		    def log_message(self, *arguments):
		        pass
		class Server(${mixin:+$mixin, }http.server.HTTPServer):
		    pass
		Server(("127.0.0.1", $PORT), Handler).serve_forever()
	END
}

break_it() {
	echo 'raise Exception' | cat - "$TMP/server.py" | file_set "$TMP/server.py"
}

drive
