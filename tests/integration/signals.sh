# What the tests of programs that take signals for themselves share. Source it after lib.sh.

# seen N SIGNAL: the program was given its Nth signal, and it was this one.
seen() {
	[[ $(ask) == *" signals=$1 last=$2" ]]
}

# gets_signals SIGNAL...: each that it is sent.
gets_signals() {
	local count=0 signal
	for signal in "$@"; do
		kill -"$signal" "$(pid_now)"
		count=$((count + 1))
		wait_for 5 seen "$count" "$signal"
	done
}
