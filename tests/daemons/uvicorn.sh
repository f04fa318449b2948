#!/bin/bash
# uvicorn: an ASGI server on asyncio, which ends gracefully by itself.
. "$(dirname "$0")/driver.sh"

package=uvicorn
version='uvicorn --version'
command=(/usr/bin/uvicorn --app-dir "$TMP" --host 127.0.0.1 --port "$PORT" --log-level warning app:app)
http /; fast=("${http[@]}")
http /slow; slow=("${http[@]}")

configure() {
	file_set "$TMP/app.py" <<-END
		import asyncio, os
		async def app(scope, receive, send):
		    if scope["type"] != "http":
		        return
		    if scope["path"] == "/slow":
		        await asyncio.sleep($slow_s)
		    await send({"type": "http.response.start", "status": 200, "headers": []})
		    await send({"type": "http.response.body", "body": b"v$1 %d end\n" % os.getpid()})
	END
}

break_it() {
	echo 'raise Exception' | file_set "$TMP/app.py"
}

drive
