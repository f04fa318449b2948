/*
 * A Unix listener is handed over as any other: listen() again keeps its queue, an accepted connection
 * bears its name, and its file is the same one under whatever name it is reached.
 */
#include "kernel.h"

#include <stddef.h>
#include <sys/stat.h>
#include <sys/un.h>

static char directory[] = "/tmp/flip-kernel.XXXXXX";

static struct sockaddr_un address_of(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strcpy(address.sun_path, name);
	return address;
}

static int connected(int type, const char *name)
{
	struct sockaddr_un address = address_of(name);
	int fd = socket(AF_UNIX, type, 0);

	require(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "connect() finds it");
	return fd;
}

static void try(int type)
{
	struct sockaddr_un address = address_of("first"), local = { 0 };
	socklen_t length = sizeof(local);
	int listen_fd = socket(AF_UNIX, type, 0), client_fd, fd;
	struct stat before, after;

	require(bind(listen_fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		listen(listen_fd, 5) == 0, "a path can be bound");
	client_fd = connected(type, "first");
	byte_send(client_fd, 'q');
	require(listen(listen_fd, 9) == 0, "listen() on a listening socket works");
	require(bind(listen_fd, (struct sockaddr *)&address, sizeof(address)) == -1,
		"bind() on it does not");
	require(stat("first", &before) == 0 && rename("first", "second") == 0 &&
		stat("second", &after) == 0, "a socket can be renamed");
	require(before.st_ino == after.st_ino && before.st_dev == after.st_dev,
		"it is the same file");
	close(connected(type, "second"));
	fd = accept(listen_fd, NULL, NULL);
	require(getsockname(fd, (struct sockaddr *)&local, &length) == 0 &&
		strcmp(local.sun_path, "first") == 0, "a connection bears the name that was bound");
	close(fd);
	close(client_fd);
	close(listen_fd);
	unlink("second");
}

int main(void)
{
	require(mkdtemp(directory) && chdir(directory) == 0, "a directory can be made");
	try(SOCK_STREAM);
	try(SOCK_SEQPACKET);
	require(chdir("/") == 0 && rmdir(directory) == 0, "nothing is left");
	return 0;
}
