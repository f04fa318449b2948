#include "change.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const struct rights own;
static struct changes changes = TAILQ_HEAD_INITIALIZER(changes);
static char directory[] = "/tmp/flip-test-change.XXXXXX";
static int directory_fd;

static void begin(void)
{
	cr_assert(mkdtemp(directory) && chdir(directory) == 0);
	directory_fd = open(".", O_PATH | O_DIRECTORY);
	umask(022);
}

static void end(void)
{
	/* Nothing but what the test itself has made may be left. */
	unlink("file");
	unlink("other");
	unlink("backup");
	cr_expect(chdir("/") == 0 && rmdir(directory) == 0);
}

TestSuite(change, .init = begin, .fini = end);

static void put(const char *name, const char *text, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	cr_assert(fchmod(fd, mode) == 0 && close(fd) == 0);
}

static void put_socket(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, name);
	cr_assert(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	close(fd);
}

static struct stat status_of(const char *name)
{
	struct stat status = { 0 };

	(void)!lstat(name, &status);
	return status;
}

static ino_t inode_of(const char *name)
{
	return status_of(name).st_ino;
}

static void expect_file(const char *name, const char *text, mode_t mode)
{
	char got[100] = "";
	int fd = open(name, O_RDONLY);

	cr_expect(fd >= 0 && read(fd, got, sizeof(got) - 1) >= 0, "%s is there", name);
	cr_expect_str_eq(got, text);
	cr_expect((status_of(name).st_mode & 07777) == mode, "mode %o", status_of(name).st_mode);
	close(fd);
}

static struct change *take(const char *name)
{
	int fd = open(name, O_PATH | O_NOFOLLOW);
	struct change *change = changes_take(&changes, directory_fd, fd);

	close(fd);
	cr_assert(change != NULL);
	return change;
}

/* Where the program writes instead. */
static int stage_new(mode_t mode, const char *text)
{
	int fd = open(".", O_TMPFILE | O_RDWR, mode);

	cr_assert(fd >= 0, "the test's file system has no O_TMPFILE");
	cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	return fd;
}

static void write_instead(struct change *change, mode_t mode, const char *text)
{
	int fd = stage_new(mode, "");

	cr_assert(change_to_write(change, fd, &own));
	cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void rename_to(struct change *change, const char *from)
{
	int fd = open(from, O_PATH | O_NOFOLLOW);

	cr_assert(change_to_rename(change, directory_fd, fd, &own));
	close(fd);
}

Test(change, one_file_has_one_change_whatever_it_is_called)
{
	struct change *change;
	struct stat status;

	put("file", "1", 0644);
	change = take("file");
	cr_expect(take("file") == change);
	status = status_of("file");
	cr_expect(changes_find(&changes, &status) == change);
	status.st_ino++;
	cr_expect(changes_find(&changes, &status) == NULL);
	change_drop(&changes, change);
	cr_expect(TAILQ_EMPTY(&changes));
}

Test(change, is_known_by_the_name_that_it_changes)
{
	int here = open(".", O_PATH | O_DIRECTORY), fd, backup;
	struct change *change;

	put("file", "1", 0644);
	cr_assert(link("file", "backup") == 0);
	change = take("file");
	fd = open("file", O_PATH);
	backup = open("backup", O_PATH);
	cr_expect(change_is_at(change, here, fd));
	cr_expect(!change_is_at(change, here, backup));
	close(fd);
	close(backup);
	close(here);
	change_drop(&changes, change);
}

Test(change, removes_only_when_it_is_done)
{
	struct change *change;

	put("file", "1", 0644);
	change = take("file");
	change_to_remove(change, &own);
	expect_file("file", "1", 0644);
	cr_expect(change_do(change));
	change_free(&changes, change);
	cr_expect(access("file", F_OK) == -1);
}

Test(change, dropped_leaves_everything_as_it_was)
{
	struct change *change;
	ino_t inode;

	put("file", "1", 0644);
	inode = inode_of("file");
	change = take("file");
	change_to_remove(change, &own);
	write_instead(change, 0600, "2");
	cr_assert(chmod("file", 0666) == 0);
	change_drop(&changes, change);
	expect_file("file", "1", 0644);
	cr_expect(inode_of("file") == inode);
}

Test(change, written_has_the_mode_of_the_file_before)
{
	struct change *change;

	put("file", "12345", 0640);
	change = take("file");
	write_instead(change, 0600, "2");
	expect_file("file", "12345", 0640);
	cr_expect(change_do(change));
	change_free(&changes, change);
	expect_file("file", "2", 0640);
}

Test(change, written_anew_has_a_mode_of_its_own)
{
	struct change *change;

	put("file", "12345", 0640);
	change = take("file");
	change_to_remove(change, &own);
	write_instead(change, 0666, "2");
	cr_expect(change_do(change));
	change_free(&changes, change);
	expect_file("file", "2", 0644);
}

Test(change, written_without_truncating_begins_empty)
{
	struct change *change;
	int fd = stage_new(0600, "");

	put("file", "12345", 0640);
	change = take("file");
	cr_assert(change_to_write(change, fd, &own));
	cr_assert(write(fd, "9", 1) == 1);
	close(fd);
	cr_expect(change_do(change));
	change_free(&changes, change);
	expect_file("file", "9", 0640);
}

Test(change, chmod_of_the_path_meanwhile_is_for_the_new_file)
{
	struct change *change;

	put("file", "1", 0644);
	put("other", "2", 0600);
	change = take("file");
	rename_to(change, "other");
	/* A clock that has moved on: the file was not changed a moment ago. */
	change->before.st_ctim.tv_sec -= 10;
	cr_assert(chmod("file", 0644) == 0);
	cr_expect(change_do(change));
	change_free(&changes, change);
	expect_file("file", "2", 0644);
	cr_expect(access("other", F_OK) == -1);
}

Test(change, stage_without_a_file_system_is_copied)
{
	struct change *change;
	int fd = memfd_create("stage", 0);
	ino_t inode;

	put("file", "12345", 0640);
	inode = inode_of("file");
	change = take("file");
	cr_assert(change_to_write(change, fd, &own));
	cr_assert(write(fd, "2", 1) == 1);
	close(fd);
	cr_expect(change_do(change));
	change_free(&changes, change);
	expect_file("file", "2", 0640);
	cr_expect(inode_of("file") == inode);
}

Test(change, what_came_there_since_is_left_alone)
{
	struct change *change;

	put("file", "1", 0644);
	change = take("file");
	write_instead(change, 0600, "2");
	put("other", "3", 0600);
	cr_assert(rename("other", "file") == 0);
	cr_expect(!change_do(change));
	change_free(&changes, change);
	expect_file("file", "3", 0600);
}

Test(change, rename_that_is_dropped_takes_its_source_along)
{
	struct change *change;

	put("file", "1", 0644);
	put("other", "2", 0600);
	change = take("file");
	rename_to(change, "other");
	expect_file("file", "1", 0644);
	expect_file("other", "2", 0600);
	change_drop(&changes, change);
	expect_file("file", "1", 0644);
	cr_expect(access("other", F_OK) == -1);
}

Test(change, tried_can_be_undone)
{
	struct change *change;
	ino_t inode;

	put_socket("file");
	put_socket("other");
	inode = inode_of("file");
	change = take("file");
	rename_to(change, "other");
	change_try(change);
	cr_expect(inode_of("file") != inode && inode_of("other") == inode);
	change_drop(&changes, change);
	cr_expect(inode_of("file") == inode);
	cr_expect(access("other", F_OK) == -1);
}

Test(change, tried_can_be_completed)
{
	struct change *change;
	ino_t inode;

	put_socket("file");
	put_socket("other");
	inode = inode_of("other");
	change = take("file");
	rename_to(change, "other");
	change_try(change);
	cr_expect(change_do(change));
	change_free(&changes, change);
	cr_expect(inode_of("file") == inode);
	cr_expect(access("other", F_OK) == -1);
}

Test(change, reads_a_pid_and_nothing_else)
{
	static const struct {
		const char *text;
		int pid;
	} files[] = { { "4711\n", 4711 }, { "", -1 }, { "4711 x", -1 }, { "pid: 4711", -1 } };

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		int fd = stage_new(0600, files[i].text);

		cr_expect(file_read_pid(fd) == files[i].pid, "'%s'", files[i].text);
		close(fd);
	}
}
