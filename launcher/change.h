/*
 * What a new generation has done to a file that the current one needs, in its own belief: nothing
 * has happened yet. It is done when the new one has taken over, and dropped when that has failed;
 * until then the file is the current one's, as it was. One thread; nothing here blocks.
 *
 * A new version that removes, truncates or replaces a file at its start would else take it from a
 * server that may have to serve on; and put back afterwards it is too late: a pid file would have
 * been missing, empty, or have named a dead process for a moment.
 */
#pragma once

#include "rights.h"

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <sys/stat.h>

enum change_kind {
	CHANGE_REMOVE,
	CHANGE_WRITE, /* what is written goes to a file without a name: the stage */
	CHANGE_RENAME, /* another file is to come in its place */
};

struct change {
	enum change_kind kind;
	struct stat before; /* the file that is there: known by st_dev, st_ino */
	int directory_fd;
	char name[256];
	bool is_removed;   /* first: what is written is a new file, with a mode and owner of its own */
	bool is_kept;	   /* mode and owner cannot be had for a new file: write into the one there */
	int stage_fd;	   /* WRITE, RENAME: what is to be there; or -1 */
	int source_directory_fd;
	char source[256];  /* RENAME */
	struct stat source_status;
	bool is_exchanged; /* RENAME: done, and can be undone */
	struct rights rights; /* with which it is done, and undone */
	TAILQ_ENTRY(change) link;
};
TAILQ_HEAD(changes, change);

/*
 * The change of this file; made if there is none yet. Descriptors are the caller's. NULL: no
 * memory, or the file has no name.
 */
struct change *changes_take(struct changes *changes, int directory_fd, int file_fd);

/* The same, only if there is one. */
struct change *changes_find(struct changes *changes, const struct stat *status);

/* Is it by this name that the file is to be changed? It may have others. */
bool change_is_at(const struct change *change, int directory_fd, int file_fd);

/* Each takes the place of what the change was before, for whoever has these rights. False: it cannot be. */
void change_to_remove(struct change *change, const struct rights *rights);
bool change_to_write(struct change *change, int stage_fd, const struct rights *rights);
bool change_to_rename(struct change *change, int directory_fd, int file_fd, const struct rights *rights);

/* Does it, unless something else has come to that place; true if it is done. */
bool change_do(struct change *change);

/* RENAME only: does it so that change_drop() can undo it; change_do() then completes it. */
void change_try(struct change *change);

/* Forgets it, undone; mode and owner of the file become what they were. Frees it. */
void change_drop(struct changes *changes, struct change *change);

/* Frees one that is done. */
void change_free(struct changes *changes, struct change *change);

/* Opens the file of a descriptor anew, for reading: that may be for writing only, or for neither (O_PATH). -1: errno. */
int file_open(int fd);
/* The number that is all there is in the file, apart from white space; -1: something else. */
int file_read_pid(int fd);
