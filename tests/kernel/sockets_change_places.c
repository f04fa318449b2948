/*
 * What rename-into-place rests on: RENAME_EXCHANGE gives two socket files each other's name at once,
 * and once more undoes it; chmod() through /proc reaches a socket file by its O_PATH descriptor.
 */
#include "kernel.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>

static char directory[] = "/tmp/flip-kernel.XXXXXX";

static ino_t bound(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat status;

	strcpy(address.sun_path, name);
	require(bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address,
		     sizeof(address)) == 0 && stat(name, &status) == 0, "a path can be bound");
	return status.st_ino;
}

static ino_t inode_of(const char *name)
{
	struct stat status;

	return stat(name, &status) == 0 ? status.st_ino : 0;
}

int main(void)
{
	ino_t one, other;
	char path[32];
	struct stat status;
	int fd;

	require(mkdtemp(directory) && chdir(directory) == 0, "a directory can be made");
	one = bound("one");
	other = bound("other");
	require(renameat2(AT_FDCWD, "one", AT_FDCWD, "other", RENAME_EXCHANGE) == 0,
		"the file system can exchange names");
	require(inode_of("one") == other && inode_of("other") == one, "each has the other's");
	require(renameat2(AT_FDCWD, "one", AT_FDCWD, "other", RENAME_EXCHANGE) == 0 &&
		inode_of("one") == one, "and its own again");
	fd = open("one", O_PATH | O_NOFOLLOW);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	require(fd >= 0 && chmod(path, 0612) == 0 && stat("one", &status) == 0 &&
		(status.st_mode & 07777) == 0612, "a socket file can be held and changed");
	unlink("one");
	require(fstat(fd, &status) == 0 && status.st_nlink == 0, "and tells when it has no name left");
	unlink("other");
	require(chdir("/") == 0 && rmdir(directory) == 0, "nothing is left");
	return 0;
}
