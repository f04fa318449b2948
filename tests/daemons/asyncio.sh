#!/bin/bash
# Python's asyncio: one thread, level-triggered epoll.
. "$(dirname "$0")/driver.sh"

package=python3
version='/usr/bin/python3 -V'
command=(/usr/bin/python3 "$TMP/server.py")
http /; fast=("${http[@]}")
http /slow; slow=("${http[@]}")

configure() {
	file_set "$TMP/server.py" <<-END
		import asyncio, os
		async def serve(reader, writer):
		    request = await reader.readuntil(b"\r\n\r\n")
		    if request.startswith(b"GET /slow "):
		        await asyncio.sleep($slow_s)
		    writer.write(b"HTTP/1.0 200 OK\r\n\r\nv$1 %d end\n" % os.getpid())
		    await writer.drain()
		    writer.close()
		async def main():
		    server = await asyncio.start_server(serve, "127.0.0.1", $PORT)
		    await server.serve_forever()
		asyncio.run(main())
	END
}

break_it() {
	echo 'raise Exception' | cat - "$TMP/server.py" | file_set "$TMP/server.py"
}

drive
