/*
 * Files that generations share: the sockets of Unix listeners, and pid files. The supervisor knows
 * which they are; a hook asks it before it lets the program remove, replace or see one. What looks like
 * neither costs no question.
 *
 * All async-signal-safe, without lock or heap. What asks blocks until the
 * supervisor has answered, and a path is looked at by the kernel first: a bad one is the kernel's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* A file, whatever its path is called by now. inode 0: none. */
struct file_identity {
	uint64_t device, inode;
};

/* The socket that the path of this address leads to. */
struct file_identity file_at(const struct sockaddr *address, socklen_t length);

/* Notes the file that a socket was bound to, to be told when it listens. Any thread. */
void file_note(uint64_t socket_inode, struct file_identity file);
struct file_identity file_of(uint64_t socket_inode);

/* Is the program to believe that it has removed this file, which stays? */
bool file_unlink_is_hidden(int directory, const char *path);

/* That it has renamed one to this, which stays until this generation has taken over? flags: RENAME_NOREPLACE or 0. */
bool file_rename_is_hidden(int from_directory, const char *from, int to_directory, const char *to, unsigned flags);

/* That there is no such process? */
bool file_process_is_hidden(int pid);

/*
 * Before a file is opened for writing, with flags and mode of open(2): a descriptor that the program
 * is to get instead, a negative errno value that it is to get, or FILE_GO_ON.
 */
int file_open_instead(int directory, const char *path, int flags, unsigned mode);
#define FILE_GO_ON (-100000)

/*
 * To a generation that starts it is as if the one that it replaces had ended, and cleaned up: where its files
 * were there is nothing, or what the new one has written itself.
 *
 * After something was found at the path, *status, or NULL if that is not known: is it to be hidden? If not,
 * *status may become that of what is there instead. flags: O_NOFOLLOW or 0.
 */
bool file_look_is_hidden(int directory, const char *path, int flags, struct stat *status);

/* After it was opened for reading, with these flags: is there to be none? What it reads may be another one then. */
bool file_opened_is_hidden(int fd, const char *path, int flags);

/* The same before a file gets one more name: 0, a negative errno value, or FILE_GO_ON. */
int file_link_instead(int from_directory, const char *from, int to_directory, const char *to);
