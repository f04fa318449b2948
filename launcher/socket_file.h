/*
 * The file of a Unix listener that is bound to a path. It is known by device and inode, for a path
 * is but a name: relative, through links that change, renamed since (haproxy), or another's by now.
 * One thread; nothing here blocks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct socket_file {
	bool exists;	 /* the socket is bound to a path */
	bool is_own;	 /* by a process of the service, not by who has passed it to that */
	int fd;		 /* O_PATH; -1: not found, so it cannot be asked about */
	struct stat was; /* when it was found: st_dev, st_ino, mode, owner */
};

/*
 * Looks for the file of a socket. What its process told of device and inode when it bound it goes
 * first (0: nothing was told); then what the kernel says to the privileged, then its path.
 */
void socket_file_find(struct socket_file *file, int socket_fd, uint64_t device, uint64_t inode);

/* Is it this one? */
bool socket_file_is(const struct socket_file *file, uint64_t device, uint64_t inode);

/* Can it still be reached by any name? Where that is not known: no. */
bool socket_file_is_linked(const struct socket_file *file);

/* The directory that it is in by now: a descriptor, the caller's to close, or -1. */
int socket_file_directory(const struct socket_file *file);

/* Puts mode and owner back as they were. */
void socket_file_restore(const struct socket_file *file);

void socket_file_close(struct socket_file *file);
