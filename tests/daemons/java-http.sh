#!/bin/bash
# Java's HttpServer: a thread that waits with epoll, and others that answer.
. "$(dirname "$0")/driver.sh"

package=openjdk-17-jre-headless
version='java -version'
class=${class:-HttpServer}
command=(java -XX:TieredStopAtLevel=1 -Xmx64m -XX:-UsePerfData -cp "$TMP" "$class"
	"$TMP/version" "$PORT")
http /; fast=("${http[@]}")
http /slow; slow=("${http[@]}")

prepare() {
	javac -d "$TMP" "$DRIVER/$class.java"
}

configure() {
	echo "v$1" | file_set "$TMP/version"
}

break_it() {
	rm "$TMP/version"
}

drive
