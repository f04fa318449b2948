#!/bin/bash
# Every generation has the arguments of the first, empty ones and blanks included.
. "$(dirname "$0")/lib.sh"

# argv_of PID: one word a line, in quotes.
argv_of() {
	local word
	while IFS= read -r -d '' word; do
		printf "'%s'\n" "$word"
	done <"/proc/$1/cmdline"
}

words=("$SERVER" --wait=epoll "--listen=127.0.0.1:$PORT" '' 'two words' '' '*' '$HOME' -- '--' $'tab\tnew\nline' '')
keeps() {
	serve "${words[@]}"
	first=$(argv_of "$(pid_now)")
	expect_eq "$(printf "'%s'\n" "${words[@]}")" "$first" "argv of generation 1"
	for _ in 1 2 3; do
		restart "$SUPERVISOR_PID"
		expect_eq "$first" "$(argv_of "$(pid_now)")" "argv after a restart"
	done
}

in_both_faces keeps
pass
