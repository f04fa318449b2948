/*
 * What a pid file of a new generation rests on: a file without a name (O_TMPFILE) is given one by its
 * descriptor, and takes the place of another file in one step, together with the locks on it.
 */
#include "kernel.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

static char directory[] = "/tmp/flip-kernel.XXXXXX";

int main(void)
{
	char path[32], text[8] = "";
	int there_fd, new_fd, again_fd;
	struct stat one, other;

	require(mkdtemp(directory) && chdir(directory) == 0, "a directory can be made");
	there_fd = open("file", O_RDWR | O_CREAT, 0644);
	new_fd = open(".", O_TMPFILE | O_WRONLY, 0600);
	require(new_fd >= 0, "the file system has O_TMPFILE");
	require(write(there_fd, "old", 3) == 3 && write(new_fd, "new", 3) == 3 &&
		flock(new_fd, LOCK_EX) == 0, "both can be written");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", new_fd);
	require(linkat(AT_FDCWD, path, AT_FDCWD, "other", AT_SYMLINK_FOLLOW) == 0,
		"it gets a name through /proc");
	require(rename("other", "file") == 0, "it takes the place of the file");
	again_fd = open("file", O_RDWR);
	require(read(again_fd, text, sizeof(text)) == 3 && memcmp(text, "new", 3) == 0,
		"there is what was written before it had a name");
	require(flock(again_fd, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK,
		"and the lock that was taken then");
	require(fstat(again_fd, &one) == 0 && fstat(new_fd, &other) == 0 &&
		one.st_ino == other.st_ino, "it is that very file");
	unlink("file");
	require(chdir("/") == 0 && rmdir(directory) == 0, "nothing is left");
	return 0;
}
