#!/bin/bash
# A program that nothing can be preloaded into is refused before it is started, in one sentence.
. "$(dirname "$0")/lib.sh"

# refuses CODE REGEX PROGRAM...
refuses() {
	local code=$1 regex=$2
	shift 2
	flip run -- "$@"
	expect_eq "$code" $? "exit code for $1 ($OUTPUT)"
	expect_match "$regex" "$OUTPUT" "sentence"
	expect_eq 1 "$(wc -l <<<"$OUTPUT")" "lines that say so: $OUTPUT"
	[ ! -e "$TMP/was-run" ] || fail "$1 was run"
}

cd "$TMP" || fail "cannot enter $TMP"
cat >main.c <<'END'
#include <fcntl.h>
int main(void) { return creat("was-run", 0644) < 0; }
END
cc -o dynamic main.c && cc -static -o static main.c || fail "no compiler"
refuses 125 'statically linked' ./static
if cp dynamic setuid && chown 65534:65534 setuid 2>/dev/null; then
	cp -p setuid setgid && chmod u+s setuid && chmod g+s setgid
	refuses 125 'setuid' ./setuid
	refuses 125 'setgid' ./setgid
fi
if cp dynamic capable && setcap cap_net_bind_service+ep capable 2>/dev/null; then
	chmod 755 "$TMP"
	OUTPUT=$(setpriv --reuid=65534 --regid=65534 --clear-groups "$FLIP" run -- ./capable 2>&1)
	expect_eq 125 $? "exit code for ./capable of another user ($OUTPUT)"
	expect_match 'capabilities' "$OUTPUT" "sentence"
	[ ! -e "$TMP/was-run" ] || fail "./capable was run"
	# Root has them, and the loader preloads into it.
	"$FLIP" run -q -- ./capable || fail "root cannot run ./capable"
	[ -e was-run ] || fail "./capable was not run"
	rm was-run
fi
# The same file for another machine: e_machine is at byte 18, the class at byte 4.
cp dynamic other && printf '\267\000' | dd of=other bs=1 seek=18 conv=notrunc status=none
refuses 125 'aarch64' ./other
cp dynamic narrow && printf '\001' | dd of=narrow bs=1 seek=4 conv=notrunc status=none
refuses 125 'is a program for' ./narrow
head -c 100 dynamic >cut && chmod +x cut
refuses 126 'damaged' ./cut
head -c 5000 /dev/urandom >noise && chmod +x noise
printf '\001\002\003' | dd of=noise conv=notrunc status=none
refuses 126 'neither an ELF program nor a script' ./noise
: >empty && chmod +x empty
refuses 126 'empty' ./empty
printf '#!/no/such/interpreter\n' >script && chmod +x script
refuses 127 'interpreter' ./script
printf '#!%s/static\n' "$TMP" >script-static && chmod +x script-static
refuses 125 'statically linked' ./script-static

# The control: it can be run.
"$FLIP" run -q -- ./dynamic || fail "the dynamic program does not run"
[ -e was-run ] || fail "the dynamic program was not run"

# The dynamic loader is static itself, and preloads; by its name one that a program brings along is known.
loader=$(ldd "$FLIP" | grep -o '/[^ ]*/ld-linux[^ ]*')
mkdir bundle && cp "$loader" bundle && ln -s "$loader" ld.so && chmod -x dynamic || fail "no loader"
for command in "$loader" "./bundle/${loader##*/}" ./ld.so "$loader --library-path $TMP"; do
	rm was-run
	"$FLIP" run -q -- $command ./dynamic || fail "$command does not run"
	[ -e was-run ] || fail "$command did not run the program"
done
pass
