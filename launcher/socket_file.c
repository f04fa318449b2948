#include "socket_file.h"

#include <fcntl.h>
#include <linux/un.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* The path as text leads there only as long as nobody has renamed anything: the caller compares. */
static int open_by_path(const struct sockaddr_un *address)
{
	char path[sizeof(address->sun_path) + 1] = { 0 };

	memcpy(path, address->sun_path, sizeof(address->sun_path));
	return path[0] == '/' ? open(path, O_PATH | O_CLOEXEC) : -1;
}

void socket_file_find(struct socket_file *file, int socket_fd, uint64_t device, uint64_t inode)
{
	struct sockaddr_un address = { 0 };
	socklen_t length = sizeof(address);

	*file = (struct socket_file){ .fd = -1 };
	if (getsockname(socket_fd, (struct sockaddr *)&address, &length) != 0 ||
	    address.sun_family != AF_UNIX || !address.sun_path[0])
		return;
	file->exists = true;
	file->is_own = inode != 0;
	file->fd = ioctl(socket_fd, SIOCUNIXFILE); /* Linux 4.13; takes CAP_NET_ADMIN */
	if (file->fd < 0)
		file->fd = open_by_path(&address);
	if (file->fd >= 0 &&
	    (fstat(file->fd, &file->was) != 0 || !S_ISSOCK(file->was.st_mode) ||
	     (inode && (file->was.st_dev != device || file->was.st_ino != inode)))) {
		close(file->fd);
		file->fd = -1;
	}
	if (file->fd >= 0) {
		fcntl(file->fd, F_SETFD, FD_CLOEXEC);
		return;
	}
	file->was.st_dev = device;
	file->was.st_ino = inode;
}

bool socket_file_is(const struct socket_file *file, uint64_t device, uint64_t inode)
{
	return file->exists && inode && file->was.st_dev == device && file->was.st_ino == inode;
}

bool socket_file_is_linked(const struct socket_file *file)
{
	struct stat status;

	return file->fd >= 0 && fstat(file->fd, &status) == 0 && status.st_nlink > 0;
}

int socket_file_directory(const struct socket_file *file)
{
	char link[32], path[4096];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", file->fd);
	n = file->fd < 0 ? -1 : readlink(link, path, sizeof(path) - 1);
	if (n <= 0 || path[0] != '/')
		return -1;
	path[n] = '\0';
	*(strrchr(path, '/') + 1) = '\0';
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void socket_file_restore(const struct socket_file *file)
{
	char path[32];
	struct stat status;

	if (file->fd < 0 || fstat(file->fd, &status) != 0)
		return;
	if (status.st_uid != file->was.st_uid || status.st_gid != file->was.st_gid)
		(void)!fchownat(file->fd, "", file->was.st_uid, file->was.st_gid, AT_EMPTY_PATH);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	if (status.st_mode != file->was.st_mode)
		(void)chmod(path, file->was.st_mode & 07777);
}

void socket_file_close(struct socket_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}
