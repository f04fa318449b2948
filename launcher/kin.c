#include "kin.h"

#include "cleanup.h"
#include "core/procfs.h"
#include "process.h"

#include <bsd/stdlib.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <unistd.h>

/*
 * A process whose parent ends while we walk is missed, for it is no more where we look and not yet
 * where we have looked: that there is none is true when several walks say so.
 */
#define WALKS_IN_VAIN 3
/* Walks, 1 ms apart. A daemon that leaves our group and session is known by its environment, which an exec hides. */
#define EXEC_PATIENCE 200
/* What is killed frees its memory first and its locks last: it is waited for, 1 ms longer each time. */
#define KILL_ROUNDS 30

/* A process that a walk has come by. */
struct step {
	pid_t pid;
	bool is_kin;
	bool is_head; /* without a parent among them */
	struct procfs_stat stat;
};

/* One walk at a time: found() must not begin another one. */
static struct walk {
	struct step *steps;
	unsigned n, room;
} walk;

static LIST_HEAD(, kin) kins = LIST_HEAD_INITIALIZER(kins);

/* Is this the first process of another one? Nothing more needs to be looked at then. */
static bool is_of_other(const struct kin *kin, pid_t pid)
{
	const struct kin *other;

	LIST_FOREACH(other, &kins, link)
		if (other != kin && other->root == pid && !other->root_ended)
			return true;
	return false;
}

/* Ties. */

static struct tie *tie_find(const struct kin *kin, enum tie_kind kind, uint64_t id)
{
	for (unsigned i = 0; i < kin->n_ties; i++)
		if (kin->ties[i].id == id && kin->ties[i].kind == kind)
			return &kin->ties[i];
	return NULL;
}

static void tie_add(struct kin *kin, enum tie_kind kind, uint64_t id)
{
	struct tie *tie = tie_find(kin, kind, id);
	unsigned room = kin->room ? kin->room * 2 : 16;

	if (!tie && kin->n_ties == kin->room) {
		struct tie *ties = reallocarray(kin->ties, room, sizeof(*ties));

		if (!ties)
			return; /* an orphan may not be found: the service goes on */
		kin->ties = ties;
		kin->room = room;
	}
	if (!tie) {
		tie = &kin->ties[kin->n_ties++];
		*tie = (struct tie){ .kind = kind, .id = id };
	}
	tie->seen = true;
}

/* A process group or a session from outside our namespace is 0. */
static void tie_note(struct kin *kin, const struct procfs_stat *stat)
{
	if (stat->group > 0 && stat->group != kin->outer_group)
		tie_add(kin, TIE_GROUP, (uint64_t)stat->group);
	if (stat->session > 0 && stat->session != kin->outer_session)
		tie_add(kin, TIE_SESSION, (uint64_t)stat->session);
}

/* The kernel gives the numbers of what is gone to others. */
static void ties_prune(struct kin *kin)
{
	unsigned n = 0;

	for (unsigned i = 0; i < kin->n_ties; i++)
		if (kin->ties[i].seen || kin->ties[i].kind == TIE_IMAGE)
			kin->ties[n++] = kin->ties[i];
	kin->n_ties = n;
}

bool kin_runs(const struct kin *kin, const struct procfs_stat *stat)
{
	return stat->image && tie_find(kin, TIE_IMAGE, stat->image);
}

static bool is_tied(const struct kin *kin, const struct procfs_stat *stat)
{
	return tie_find(kin, TIE_SESSION, (uint64_t)stat->session) ||
	       tie_find(kin, TIE_GROUP, (uint64_t)stat->group) ||
	       kin_runs(kin, stat);
}

/* Two programs without randomization look the same. */
static bool is_randomized(pid_t pid)
{
	char text[16];

	return process_read(pid, "personality", text, sizeof(text)) > 0 &&
	       !(strtoul(text, NULL, 16) & ADDR_NO_RANDOMIZE);
}

/* A process is becoming another program, and has no environment to be seen in that moment. */
static bool is_undecided;

/* Was it started with our channel in its environment? Of what cleared that, others must tell. */
static bool has_channel(const struct kin *kin, pid_t pid, const struct procfs_stat *stat)
{
	size_t length = strlen(kin->channel);
	bool has_none = false;
	CLEANUP_FREE char *value = length ? process_variable(pid, "FLIP_CHANNEL", &has_none) : NULL;

	is_undecided |= has_none && !stat->is_ending;
	return value && strncmp(value, kin->channel, length) == 0 &&
	       (value[length] == '\0' || value[length] == '/');
}

void kin_init(struct kin *kin, pid_t root, const char *channel)
{
	*kin = (struct kin){
		.root = root,
		.is_ours = true,
		.outer_group = getpgrp(),
		.outer_session = getsid(0),
		.channel = channel,
	};
	LIST_INSERT_HEAD(&kins, kin, link);
	tie_add(kin, TIE_GROUP, (uint64_t)root);
}

void kin_init_summoner(struct kin *kin, pid_t root, pid_t outer_group, pid_t outer_session)
{
	*kin = (struct kin){
		.root = root,
		.outer_group = outer_group,
		.outer_session = outer_session,
		.channel = "",
	};
	LIST_INSERT_HEAD(&kins, kin, link);
	kin_note(kin, root);
}

void kin_fini(struct kin *kin)
{
	if (kin->root)
		LIST_REMOVE(kin, link);
	free(kin->ties);
	kin->ties = NULL;
	kin->n_ties = kin->room = 0;
}

void kin_note_seen(struct kin *kin, pid_t pid, const struct procfs_stat *stat)
{
	tie_note(kin, stat);
	if (stat->image && !tie_find(kin, TIE_IMAGE, stat->image) && is_randomized(pid))
		tie_add(kin, TIE_IMAGE, stat->image);
}

void kin_note(struct kin *kin, pid_t pid)
{
	struct procfs_stat stat;

	if (process_stat(pid, &stat))
		kin_note_seen(kin, pid, &stat);
}

bool kin_has(const struct kin *kin, pid_t pid)
{
	struct procfs_stat stat;
	pid_t self = getpid();

	for (int depth = 0; depth < 64 && pid > 0 && pid != self; depth++) {
		if (pid == kin->root)
			return true;
		if (is_of_other(kin, pid) || !process_stat(pid, &stat))
			return false;
		if (is_tied(kin, &stat) || (stat.parent == self && has_channel(kin, pid, &stat)))
			return true;
		pid = stat.parent;
	}
	return false;
}

/* Walks. */

static struct step *step_add(pid_t pid, const struct procfs_stat *stat)
{
	if (walk.n == walk.room) {
		unsigned room = walk.room ? walk.room * 2 : 64;
		struct step *steps = reallocarray(walk.steps, room, sizeof(*steps));

		if (!steps)
			return NULL;
		walk.steps = steps;
		walk.room = room;
	}
	walk.steps[walk.n] = (struct step){ .pid = pid, .stat = *stat };
	return &walk.steps[walk.n++];
}

/* The children that one thread has made (CONFIG_PROC_CHILDREN, Linux 3.5). */
static void children_of_task(pid_t pid, const char *task,
			     void (*found)(pid_t child, void *argument), void *argument)
{
	char name[48], text[4096];
	size_t have = 0;
	ssize_t n;
	int fd;

	snprintf(name, sizeof(name), "task/%s/children", task);
	fd = process_open(pid, name, O_RDONLY);
	/* Numbers are taken as soon as they are whole; each ends with a blank. */
	while (fd >= 0 && (n = read(fd, text + have, sizeof(text) - 1 - have)) > 0) {
		char *at = text, *end;

		have += (size_t)n;
		text[have] = '\0';
		while ((end = strchr(at, ' '))) {
			found((pid_t)strtol(at, NULL, 10), argument);
			at = end + 1;
		}
		have -= (size_t)(at - text);
		memmove(text, at, have);
	}
	if (fd >= 0)
		close(fd);
}

static void children_each(pid_t pid, int threads, void (*found)(pid_t child, void *argument),
			  void *argument)
{
	struct dirent *entry;
	char task[16];
	DIR *tasks;
	int fd;

	if (threads == 1) {
		snprintf(task, sizeof(task), "%d", (int)pid);
		children_of_task(pid, task, found, argument);
		return;
	}
	fd = process_open(pid, "task", O_RDONLY | O_DIRECTORY);
	tasks = fd < 0 ? NULL : fdopendir(fd);
	while (tasks && (entry = readdir(tasks)))
		if (entry->d_name[0] != '.')
			children_of_task(pid, entry->d_name, found, argument);
	if (tasks)
		closedir(tasks);
	else if (fd >= 0)
		close(fd);
}

static void walk_child(pid_t child, void *unused);

static void walk_tree(pid_t pid, const struct procfs_stat *stat, bool is_head)
{
	struct step *step = step_add(pid, stat);

	if (!step)
		return;
	step->is_kin = true;
	step->is_head = is_head;
	children_each(pid, stat->threads, walk_child, NULL);
}

static void walk_child(pid_t child, void *unused)
{
	struct procfs_stat stat;

	(void)unused;
	if (child != getpid() && process_stat(child, &stat))
		walk_tree(child, &stat, false);
}

static void walk_own_child(pid_t child, void *argument)
{
	const struct kin *kin = argument;
	struct procfs_stat stat;

	if (is_of_other(kin, child) || !process_stat(child, &stat))
		return;
	if (child == kin->root || is_tied(kin, &stat) || has_channel(kin, child, &stat))
		walk_tree(child, &stat, true);
	else if (stat.image == 0)
		/* It ends: its memory has gone already, its children are still to become ours. */
		children_each(child, stat.threads, walk_own_child, argument);
}

/* All descendants of ours that are its. */
static void walk_own(struct kin *kin)
{
	children_each(getpid(), 1, walk_own_child, kin);
}

static int step_compare(const void *key, const void *step)
{
	pid_t pid = *(const pid_t *)key, other = ((const struct step *)step)->pid;

	return pid < other ? -1 : pid > other;
}

/* Of a walk through all of /proc, which is sorted. */
static struct step *step_with(pid_t pid)
{
	return bsearch(&pid, walk.steps, walk.n, sizeof(*walk.steps), step_compare);
}

/* What comes of kin is kin; what comes of us are the generations that we started. */
static bool spread(struct step *step)
{
	const struct step *parent = step_with(step->stat.parent);

	if (step->is_kin || !parent || !parent->is_kin || step->pid == getpid())
		return false;
	step->is_kin = true;
	return true;
}

static bool is_below_us(const struct step *step)
{
	for (int depth = 0; step && depth < 64; depth++) {
		if (step->pid == getpid())
			return true;
		step = step_with(step->stat.parent);
	}
	return false;
}

static void walk_all(const struct kin *kin)
{
	DIR *directory = opendir("/proc");
	struct procfs_stat stat;
	struct dirent *entry;
	bool more = true;
	struct step *step;

	while (directory && (entry = readdir(directory))) {
		pid_t pid = procfs_parse_number(entry->d_name);

		if (pid > 0 && process_stat(pid, &stat) && (step = step_add(pid, &stat)))
			step->is_kin = pid == kin->root || is_tied(kin, &stat);
	}
	if (directory)
		closedir(directory);
	for (unsigned i = 0; i < walk.n; i++)
		walk.steps[i].is_kin = walk.steps[i].is_kin && !is_below_us(&walk.steps[i]);
	while (more) {
		more = false;
		for (unsigned i = 0; i < walk.n; i++)
			more |= spread(&walk.steps[i]);
	}
	for (unsigned i = 0; i < walk.n; i++) {
		step = step_with(walk.steps[i].stat.parent);
		walk.steps[i].is_head = walk.steps[i].is_kin && !(step && step->is_kin);
	}
}

static bool is_alive(const struct step *step)
{
	return step->is_kin && step->stat.state != 'Z' && step->stat.state != 'X';
}

static void walk_kin(struct kin *kin)
{
	walk.n = 0;
	if (kin->is_ours)
		walk_own(kin);
	else
		walk_all(kin);
	for (unsigned i = 0; i < kin->n_ties; i++)
		kin->ties[i].seen = false;
	for (unsigned i = 0; i < walk.n; i++)
		if (walk.steps[i].is_kin)
			tie_note(kin, &walk.steps[i].stat);
	ties_prune(kin);
}

unsigned kin_each(struct kin *kin, kin_found found, void *argument)
{
	unsigned n = 0;

	walk_kin(kin);
	for (unsigned i = walk.n; i > 0; i--) {
		n += walk.steps[i - 1].is_kin;
		if (found && is_alive(&walk.steps[i - 1]))
			found(walk.steps[i - 1].pid, &walk.steps[i - 1].stat, argument);
	}
	return n;
}

/* Is one a better heir than the other? */
static bool is_before(const struct step *one, const struct step *other)
{
	if (one->is_head != other->is_head)
		return one->is_head;
	return one->stat.started < other->stat.started;
}

static pid_t heir_once(struct kin *kin)
{
	const struct step *heir = NULL;

	walk_kin(kin);
	for (unsigned i = 0; i < walk.n; i++) {
		const struct step *step = &walk.steps[i];

		if (is_alive(step) && step->pid != kin->root && (!heir || is_before(step, heir)))
			heir = step;
	}
	return heir ? heir->pid : 0;
}

pid_t kin_heir(struct kin *kin)
{
	pid_t heir = 0;
	int tries = 0;

	do {
		if (tries && is_undecided)
			usleep(1000);
		is_undecided = false;
		heir = heir_once(kin);
	} while (!heir && ++tries < (is_undecided ? EXEC_PATIENCE : WALKS_IN_VAIN));
	return heir;
}

struct search {
	bool (*is_wanted)(uint64_t inode, const void *argument);
	const void *argument;
	bool found;
};

static void search_process(pid_t pid, const struct procfs_stat *unused, void *argument)
{
	struct search *search = argument;

	(void)unused;
	search->found = search->found || process_holds(pid, search->is_wanted, search->argument);
}

bool kin_holds_any(struct kin *kin, bool (*is_wanted)(uint64_t inode, const void *argument),
		   const void *argument)
{
	struct search search = { is_wanted, argument, false };

	kin_each(kin, search_process, &search);
	return search.found;
}

static bool is_same(uint64_t inode, const void *wanted)
{
	return inode == *(const uint64_t *)wanted;
}

bool kin_holds(struct kin *kin, uint64_t inode)
{
	return kin_holds_any(kin, is_same, &inode);
}

static void kill_one(pid_t pid, const struct procfs_stat *unused, void *argument)
{
	(void)unused;
	kill(pid, SIGKILL);
	++*(unsigned *)argument;
}

void kin_kill(struct kin *kin)
{
	int in_vain = 0;

	for (int round = 0; round < KILL_ROUNDS && in_vain < WALKS_IN_VAIN; round++) {
		unsigned n = 0;

		kin_each(kin, kill_one, &n);
		in_vain = n ? 0 : in_vain + 1;
		if (n)
			usleep((useconds_t)round * 1000);
	}
}
