#!/bin/bash
# A library that is missing, foreign, damaged or of another version is refused before the start; if it has become
# so (flip was upgraded, or removed), a restart is, and the server serves on.
. "$(dirname "$0")/lib.sh"

refuses() {
	flip run -- touch "$TMP/was-run"
	expect_eq 125 $? "exit code ($OUTPUT)"
	expect_match "$1" "$OUTPUT" "sentence"
	expect_eq 1 "$(wc -l <<<"$OUTPUT")" "lines: $OUTPUT"
	[ ! -e "$TMP/was-run" ] || fail "the command was started"
}

export FLIP_LIBRARY=$TMP/none.so
refuses 'cannot find .*none.so'
echo 'no library' >"$TMP/text.so"
FLIP_LIBRARY=$TMP/text.so refuses 'cannot load'
head -c 3000 "$LIBRARY" >"$TMP/cut.so"
FLIP_LIBRARY=$TMP/cut.so refuses 'text|load|cut.so'
echo 'int other;' | cc -shared -fPIC -x c -o "$TMP/other.so" -
FLIP_LIBRARY=$TMP/other.so refuses 'is not the library of flip'
echo 'const char flip_version[] = "0.0.0-other";' | cc -shared -fPIC -x c -o "$TMP/old.so" -
FLIP_LIBRARY=$TMP/old.so refuses "is of version 0.0.0-other, and this is flip"
mkdir "$TMP/with blank" && cp "$LIBRARY" "$TMP/with blank/libflip.so"
FLIP_LIBRARY="$TMP/with blank/libflip.so" refuses 'blank'
mkdir -p "$TMP/alone/bin" && cp "$FLIP" "$TMP/alone/bin/flip"
unset FLIP_LIBRARY
FLIP=$TMP/alone/bin/flip refuses 'cannot find libflip.so'

# The control: a good one, elsewhere.
cp "$LIBRARY" "$TMP/good.so"
FLIP_LIBRARY=$TMP/good.so start_flip -- server
restart
mv "$TMP/old.so" "$TMP/good.so"
restart_refused 'not the one that this supervisor was started with: .* of version 0.0.0-other, .*; generation 2 serves on'
rm "$TMP/good.so"
restart_refused 'cannot load .*good.so.*; generation 2 serves on'
cp "$LIBRARY" "$TMP/good.so"
restart
pass
