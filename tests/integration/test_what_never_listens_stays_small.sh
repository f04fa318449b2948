#!/bin/bash
# Of a server's tools and scripts there may be many, and the library is in each: what of it lies in the memory of a
# process that never listens stays below 150 KiB. The kernel maps its file by 64 KiB (shim/layout.ld): to read from one
# such part more, when it starts, is to exceed that.
. "$(dirname "$0")/lib.sh"

# library_kib PID: of its file, and of its data behind that; whether others have the same pages does not matter.
library_kib() {
	awk '/^[0-9a-f]+-[0-9a-f]+ / {
		split($1, range, "-")
		is_its = $6 ~ /\/libflip\.so$/ || (is_its && NF == 5 && range[1] == end)
		end = range[2]
	}
	/^Rss:/ && is_its { sum += $2 }
	END { print sum + 0 }' "/proc/$1/smaps"
}

is_asleep() {
	[ "$(awk '{ print $3 }' "/proc/$1/stat")" = S ] && [ "$(readlink "/proc/$1/exe")" = "$SLEEP" ]
}

SLEEP=$(readlink -f "$(command -v sleep)")
LD_PRELOAD="$LIBRARY" "$SLEEP" 60 &
pid=$!
wait_for 5 is_asleep "$pid"
kib=$(library_kib "$pid")
kill -KILL "$pid"
echo "$kib KiB"
[ "$kib" -gt 50 ] || fail "the library is not in it: $kib KiB"
[ "$kib" -le 150 ] || fail "the library takes $kib KiB"
pass
