#!/bin/bash
# flip status answers at once also when the kernel's tables are full of closed connections: while it
# gathers, the supervisor can do nothing else.
. "$(dirname "$0")/lib.sh"

serve server --wait=epoll
load_start
many_closed() {
	[ "$(sed -n 's/^TCP: .* tw \([0-9]*\) .*/\1/p' /proc/net/sockstat)" -gt 20000 ]
}
wait_for 15 many_closed
slowest=0
for _ in 1 2 3 4 5; do
	begun=$(now_ms)
	status_has '^listener 127.0.0.1:8080$' || fail "status: $OUTPUT"
	took=$(($(now_ms) - begun))
	[ "$took" -lt "$slowest" ] || slowest=$took
done
load_end
echo "flip status took up to $slowest ms"
[ "$slowest" -lt 400 ] || fail "flip status took $slowest ms"
pass
