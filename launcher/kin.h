/*
 * Who came of one start: its first process and all its descendants, wherever they went.
 *
 * Those that we started are our own descendants for good, for orphans become our children
 * (PR_SET_CHILD_SUBREAPER): of an orphan one has only to tell whose it is. The first generation of
 * the bare face, which has summoned us, is looked for in all of /proc. What tells: a process group
 * or a session that was made by one of them (setsid(2), setpgid(2)), the image that they run
 * (procfs_stat), and FLIP_CHANNEL in the environment that they were started with.
 *
 * Functions read files of /proc and do not block otherwise. One thread.
 */
#pragma once

#include "core/procfs.h"

#include <bsd/sys/queue.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum tie_kind { TIE_GROUP, TIE_SESSION, TIE_IMAGE };

struct tie {
	enum tie_kind kind;
	bool seen; /* in the walk that goes on */
	uint64_t id;
};

struct kin {
	pid_t root;	     /* the first process or, where that has gone into the background, its heir */
	bool is_ours;	     /* started by us */
	bool root_ended;     /* and has no heir: its number may be another process's by now */
	pid_t outer_group;   /* that the first process was born into, with who knows whom */
	pid_t outer_session;
	const char *channel; /* as FLIP_CHANNEL has it; may be empty */
	struct tie *ties;
	unsigned n_ties, room;
	LIST_ENTRY(kin) link;
};

/* Of a process that we have just started, as the leader of a process group. */
void kin_init(struct kin *kin, pid_t root, const char *channel);

/* Of the one that has summoned us; it was born into this group and this session. */
void kin_init_summoner(struct kin *kin, pid_t root, pid_t outer_group, pid_t outer_session);

void kin_fini(struct kin *kin);

/* This process is one of them: so is what it has come to lead, and what comes of it. */
void kin_note(struct kin *kin, pid_t pid);

/* The same of one whose stat was just read. */
void kin_note_seen(struct kin *kin, pid_t pid, const struct procfs_stat *stat);

/* Does this one run what those run that were noted? */
bool kin_runs(const struct kin *kin, const struct procfs_stat *stat);

/* Is this process one of them? */
bool kin_has(const struct kin *kin, pid_t pid);

/* What the walk has read of the process goes with it. */
typedef void (*kin_found)(pid_t pid, const struct procfs_stat *stat, void *argument);

/*
 * Calls found(), unless it is NULL, for every living one, children before their parents. Returns how many there
 * are, those included that have ended and that nobody has waited for.
 */
unsigned kin_each(struct kin *kin, kin_found found, void *argument);

/*
 * The root has ended: the oldest of those that have no parent among them. 0: nobody is left. May block: for 200
 * walks, and 0.2 s, while a process that may be one is becoming another program.
 */
pid_t kin_heir(struct kin *kin);

/* Has any of them a descriptor of the socket with this inode? */
bool kin_holds(struct kin *kin, uint64_t inode);

/* Of one that is wanted? */
bool kin_holds_any(struct kin *kin, bool (*is_wanted)(uint64_t inode, const void *argument),
		   const void *argument);

/* SIGKILL to all of them, until none is left. May block: for 30 walks, and pauses of 0.4 s in all. */
void kin_kill(struct kin *kin);
