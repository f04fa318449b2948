/* Most files are a copy of true(1) with a few bytes changed: what the kernel would be given. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "target.h"

static char directory[32];
static char error[8192];

static void fixture_init(void)
{
	strcpy(directory, "/tmp/flip-XXXXXX");
	cr_assert_not_null(mkdtemp(directory));
	chmod(directory, 0755);
	unsetenv("FLIP_LIBRARY");
}

static void fixture_fini(void)
{
	char command[64];

	if (getuid() != geteuid())
		cr_assert_eq(seteuid(getuid()), 0);
	snprintf(command, sizeof(command), "/bin/rm -rf %s", directory);
	cr_assert_eq(system(command), 0);
}

/* criterion calls no fini for a test that is skipped. */
static void skip(const char *reason)
{
	fixture_fini();
	cr_skip_test("%s", reason);
}

TestSuite(target, .init = fixture_init, .fini = fixture_fini);
TestSuite(library, .init = fixture_init, .fini = fixture_fini);

/* Stays valid until the eighth call after. */
static const char *path_of(const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static const char *write_file(const char *name, const void *content, size_t length, mode_t mode)
{
	const char *path = path_of(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, content, length), (ssize_t)length);
	cr_assert_eq(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

static const char *write_script(const char *name, const char *text)
{
	return write_file(name, text, strlen(text), 0755);
}

/* A program's bytes in memory. */
struct image {
	unsigned char *bytes;
	size_t length;
	ElfW(Ehdr) *ehdr;
	ElfW(Phdr) *phdrs;
};

static struct image image_of_true(void)
{
	struct image image;
	struct stat status;
	int fd = open("/bin/true", O_RDONLY);

	cr_assert_geq(fd, 0);
	cr_assert_eq(fstat(fd, &status), 0);
	image.length = (size_t)status.st_size;
	image.bytes = malloc(image.length);
	cr_assert_eq(read(fd, image.bytes, image.length), (ssize_t)image.length);
	close(fd);
	image.ehdr = (void *)image.bytes;
	image.phdrs = (void *)(image.bytes + image.ehdr->e_phoff);
	return image;
}

static ElfW(Phdr) *image_interp(const struct image *image)
{
	for (unsigned i = 0; i < image->ehdr->e_phnum; i++)
		if (image->phdrs[i].p_type == PT_INTERP)
			return &image->phdrs[i];
	cr_assert_fail("/bin/true is not dynamically linked");
	return NULL;
}

static void image_set_loader(const struct image *image, const char *loader)
{
	ElfW(Phdr) *interp = image_interp(image);

	cr_assert_leq(strlen(loader) + 1, interp->p_filesz);
	strcpy((char *)image->bytes + interp->p_offset, loader);
	interp->p_filesz = strlen(loader) + 1;
}

static const char *image_write(const struct image *image, const char *name)
{
	return write_file(name, image->bytes, image->length, 0755);
}

static const char *copy_of_true(const char *name, mode_t mode)
{
	struct image image = image_of_true();

	return write_file(name, image.bytes, image.length, mode);
}

/* The sentence must name the file and say `word`. */
static void assert_refused(const char *path, int code, const char *word)
{
	error[0] = '\0';

	int got = target_check(path, error, sizeof(error));

	cr_assert_eq(got, code, "%s: %d (%s)", path, got, error);
	cr_assert_not_null(strstr(error, path), "%s", error);
	cr_assert_not_null(strstr(error, word), "%s", error);
	cr_assert_null(strchr(error, '\n'));
}

static void assert_taken(const char *path)
{
	error[0] = '\0';
	cr_assert_eq(target_check(path, error, sizeof(error)), 0, "%s", error);
}

Test(target, takes_dynamic_programs)
{
	assert_taken("/bin/true");
	assert_taken(copy_of_true("server", 0755));
}

Test(target, looks_commands_up_in_path)
{
	char path[64];

	copy_of_true("flip-test-server", 0755);
	cr_assert_eq(target_check("flip-test-server", error, sizeof(error)), EXIT_NOT_FOUND);
	snprintf(path, sizeof(path), "/nosuch:%s", directory);
	setenv("PATH", path, 1);
	assert_taken("flip-test-server");
	assert_refused("flip-test-nosuch", EXIT_NOT_FOUND, "PATH");
}

Test(target, passes_over_what_path_has_but_may_not_run)
{
	char path[128];

	copy_of_true("true", 0644);
	snprintf(path, sizeof(path), "%s:/bin", directory);
	setenv("PATH", path, 1);
	assert_taken("true");
	setenv("PATH", directory, 1);
	assert_refused("true", EXIT_NOT_EXECUTABLE, "not executable");
}

Test(target, empty_part_of_path_is_the_working_directory)
{
	copy_of_true("flip-test-server", 0755);
	cr_assert_eq(chdir(directory), 0);
	setenv("PATH", "/nosuch:", 1);
	assert_taken("flip-test-server");
	setenv("PATH", "/nosuch", 1);
	assert_refused("flip-test-server", EXIT_NOT_FOUND, "PATH");
}

Test(target, refuses_what_is_not_there)
{
	assert_refused(path_of("nosuch"), EXIT_NOT_FOUND, "No such file");
	cr_assert_eq(target_check("", error, sizeof(error)), EXIT_NOT_FOUND);
	assert_refused("/bin/true/x", EXIT_NOT_FOUND, "Not a directory");
}

Test(target, refuses_what_is_not_executable)
{
	assert_refused(copy_of_true("server", 0644), EXIT_NOT_EXECUTABLE, "Permission denied");
	assert_refused(directory, EXIT_NOT_EXECUTABLE, "a directory");
	assert_refused("/dev/null", EXIT_NOT_EXECUTABLE, "no regular file");
}

Test(target, refuses_what_cannot_be_read)
{
	const char *path = copy_of_true("server", 0111);

	if (geteuid() == 0)
		cr_assert_eq(seteuid(65534), 0);
	assert_refused(path, EXIT_FLIP, "not read");
}

Test(target, refuses_static_programs)
{
	struct image image = image_of_true();

	image_interp(&image)->p_type = PT_NULL;
	assert_refused(image_write(&image, "server"), EXIT_FLIP, "statically linked");
}

Test(target, refuses_other_architectures_and_names_both)
{
	struct image image = image_of_true();
	const char *path;

	image.ehdr->e_machine = image.ehdr->e_machine == EM_S390 ? EM_AARCH64 : EM_S390;
	path = image_write(&image, "server");
	assert_refused(path, EXIT_FLIP, image.ehdr->e_machine == EM_S390 ? "s390x" : "aarch64");
	cr_assert_not_null(strstr(error, "this flip is built for "), "%s", error);
	cr_assert_null(strstr(error, "another machine"), "%s", error);
}

Test(target, refuses_32_bit_programs)
{
	/* No longer than a 32-bit header. */
	Elf32_Ehdr ehdr = { .e_type = ET_EXEC, .e_machine = EM_386 };

	memcpy(ehdr.e_ident, ELFMAG, SELFMAG);
	ehdr.e_ident[EI_CLASS] = ELFCLASS32;
	ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	assert_refused(write_file("server", &ehdr, sizeof(ehdr), 0755), EXIT_FLIP, "32-bit x86");
}

Test(target, refuses_another_c_library)
{
	struct image image = image_of_true();
	const char *loader = write_script("ld-musl", "");

	image_set_loader(&image, loader);
	assert_refused(image_write(&image, "server"), EXIT_FLIP, "another C library");
	cr_assert_not_null(strstr(error, loader), "%s", error);
}

Test(target, refuses_a_missing_loader_and_names_it)
{
	struct image image = image_of_true();

	image_set_loader(&image, "/nosuch/ld.so");
	assert_refused(image_write(&image, "server"), EXIT_NOT_FOUND, "/nosuch/ld.so");
}

Test(target, refuses_setuid_and_setgid_programs_of_others)
{
	const char *path = copy_of_true("server", 0755);

	if (chown(path, 65534, 65534) != 0)
		skip("may not give a file away");
	cr_assert_eq(chmod(path, 04755), 0);
	assert_refused(path, EXIT_FLIP, "setuid");
	cr_assert_eq(chmod(path, 02755), 0);
	assert_refused(path, EXIT_FLIP, "setgid");
}

Test(target, takes_setuid_and_setgid_programs_of_its_own)
{
	const char *path = copy_of_true("server", 0755);

	cr_assert_eq(chown(path, getuid(), getgid()), 0);
	cr_assert_eq(chmod(path, 06755), 0);
	assert_taken(path);
}

Test(target, setgid_without_group_execution_is_no_privilege)
{
	assert_taken(copy_of_true("server", 02705));
}

Test(target, refuses_programs_with_capabilities_but_to_root)
{
	/* struct vfs_cap_data, revision 2, CAP_NET_BIND_SERVICE permitted and effective. */
	static const unsigned char capability[20] = { 1, 0, 0, 2, 0, 4 };
	const char *path = copy_of_true("server", 0755);

	if (setxattr(path, "security.capability", capability, sizeof(capability), 0) != 0)
		skip("may not give capabilities to a file");
	if (getuid() == 0) {
		assert_taken(path);
		cr_assert_eq(setreuid(65534, (uid_t)-1), 0);
	}
	assert_refused(path, EXIT_FLIP, "capabilities");
}

Test(target, refuses_truncated_programs)
{
	static const size_t lengths[] = { 4, 10, 19, 40, 63, 64, 100, 4096, 20000 };
	struct image image = image_of_true();

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		assert_refused(write_file("server", image.bytes, lengths[i], 0755),
			       EXIT_NOT_EXECUTABLE, "damaged");
}

Test(target, refuses_program_headers_that_make_no_sense)
{
	struct image image = image_of_true();
	const ElfW(Ehdr) good = *image.ehdr;

	image.ehdr->e_phnum = 0;
	assert_refused(image_write(&image, "server"), EXIT_NOT_EXECUTABLE, "damaged");
	image.ehdr->e_phnum = 0xffff;
	assert_refused(image_write(&image, "server"), EXIT_NOT_EXECUTABLE, "damaged");
	*image.ehdr = good;
	image.ehdr->e_phoff = (ElfW(Off))-1;
	assert_refused(image_write(&image, "server"), EXIT_NOT_EXECUTABLE, "damaged");
	*image.ehdr = good;
	image.ehdr->e_phentsize = 1;
	assert_refused(image_write(&image, "server"), EXIT_NOT_EXECUTABLE, "damaged");
}

Test(target, refuses_a_loader_path_that_makes_no_sense)
{
	struct image image = image_of_true();
	ElfW(Phdr) *interp = image_interp(&image);
	const ElfW(Phdr) good = *interp;

	interp->p_filesz = (ElfW(Xword))-1;
	assert_refused(image_write(&image, "server"), EXIT_NOT_EXECUTABLE, "damaged");
	*interp = good;
	interp->p_filesz--;
	assert_refused(image_write(&image, "server"), EXIT_NOT_EXECUTABLE, "damaged");
	*interp = good;
	interp->p_offset = image.length;
	assert_refused(image_write(&image, "server"), EXIT_NOT_EXECUTABLE, "damaged");
}

Test(target, refuses_object_files)
{
	struct image image = image_of_true();

	image.ehdr->e_type = ET_REL;
	assert_refused(image_write(&image, "server.o"), EXIT_NOT_EXECUTABLE, "object file");
}

Test(target, refuses_what_is_neither_program_nor_script)
{
	assert_refused(write_file("server", "\x7f\x01\x02\x00", 4, 0755), EXIT_NOT_EXECUTABLE,
		       "exec format");
	assert_refused(write_file("server", "ab\0cd", 5, 0755), EXIT_NOT_EXECUTABLE,
		       "exec format");
	assert_refused(write_script("server", ""), EXIT_NOT_EXECUTABLE, "empty");
}

Test(target, takes_scripts)
{
	assert_taken(write_script("server", "#!/bin/sh\nexec true\n"));
	assert_taken(write_script("server", "#! \t/bin/sh -eu\n"));
	assert_taken(write_script("server", "#!/usr/bin/env flip-test-nosuch\n"));
	assert_taken(write_script("server", "#!/bin/sh"));
}

Test(target, takes_text_without_an_interpreter_like_execvp)
{
	assert_taken(write_script("server", "exec true\n"));
	assert_taken(write_script("server", "# caf\xc3\xa9\n"));
}

Test(target, refuses_a_missing_interpreter_and_names_both)
{
	assert_refused(write_script("server", "#!/nosuch/python -u\n"), EXIT_NOT_FOUND,
		       "'/nosuch/python'");
}

Test(target, refuses_an_interpreter_that_may_not_be_run)
{
	char script[128];

	snprintf(script, sizeof(script), "#!%s\n", copy_of_true("python", 0644));
	assert_refused(write_script("server", script), EXIT_NOT_EXECUTABLE, "Permission denied");
}

Test(target, refuses_a_static_interpreter)
{
	struct image image = image_of_true();
	char script[128];

	image_interp(&image)->p_type = PT_NULL;
	snprintf(script, sizeof(script), "#!%s\n", image_write(&image, "python"));
	assert_refused(write_script("server", script), EXIT_FLIP, "statically linked");
}

Test(target, follows_scripts_as_far_as_the_kernel)
{
	char name[16], text[128];
	const char *path = write_script("script0", "#!/bin/sh\n");

	for (int i = 1; i <= 5; i++) {
		assert_taken(path);
		snprintf(text, sizeof(text), "#!%s\n", path);
		snprintf(name, sizeof(name), "script%d", i);
		path = write_script(name, text);
	}
	assert_refused(path, EXIT_NOT_EXECUTABLE, "too many");
}

Test(target, refuses_a_script_that_interprets_itself)
{
	char text[128];

	snprintf(text, sizeof(text), "#!%s\n", path_of("server"));
	assert_refused(write_script("server", text), EXIT_NOT_EXECUTABLE, "too many");
}

Test(target, refuses_a_script_line_without_interpreter)
{
	char text[400];

	assert_refused(write_script("server", "#!"), EXIT_NOT_EXECUTABLE, "no interpreter");
	assert_refused(write_script("server", "#! \n/bin/sh"), EXIT_NOT_EXECUTABLE,
		       "no interpreter");
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "#!/", 3);
	text[sizeof(text) - 1] = '\0';
	assert_refused(write_script("server", text), EXIT_NOT_EXECUTABLE, "no interpreter");
}

Test(target, cuts_a_sentence_that_does_not_fit)
{
	char small[10];

	memset(small, 'x', sizeof(small));
	cr_assert_eq(target_check("/nosuch/server", small, sizeof(small)), EXIT_NOT_FOUND);
	cr_assert_eq(strlen(small), sizeof(small) - 1);
}

Test(target, needs_proc)
{
	cr_assert_eq(target_check_machine(error, sizeof(error)), 0, "%s", error);
	if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		skip("may not unshare");
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", "/proc", "tmpfs", 0, NULL) != 0)
		skip("may not mount");
	cr_assert_eq(target_check_machine(error, sizeof(error)), EXIT_FLIP);
	cr_assert_not_null(strstr(error, "/proc"), "%s", error);
}

static int find(char *path, size_t size, const char *named)
{
	error[0] = '\0';
	setenv("FLIP_LIBRARY", named, 1);
	return library_find(path, size, error, sizeof(error));
}

static void assert_no_library(const char *named, const char *word)
{
	char path[4096];

	cr_assert_eq(find(path, sizeof(path), named), EXIT_FLIP, "%s", named);
	cr_assert_not_null(strstr(error, word), "%s", error);
}

static void copy_file(const char *from, const char *to)
{
	char command[8192];

	snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
	cr_assert_eq(system(command), 0);
}

Test(library, of_this_version_is_found_and_absolute)
{
	char path[4096];

	copy_file(getenv("SAME_LIBRARY"), path_of("libflip.so"));
	cr_assert_eq(chdir(directory), 0);
	cr_assert_eq(find(path, sizeof(path), "./libflip.so"), 0, "%s", error);
	cr_assert_str_eq(path, path_of("libflip.so"));
}

Test(library, is_loaded_disabled_and_leaves_the_environment_alone)
{
	char path[4096];

	unsetenv("FLIP_DISABLE");
	cr_assert_eq(find(path, sizeof(path), getenv("SAME_LIBRARY")), 0, "%s", error);
	cr_assert_null(getenv("FLIP_DISABLE"));
}

Test(library, of_another_version_is_refused_and_both_are_named)
{
	assert_no_library(getenv("OTHER_LIBRARY"), "0.0.9");
	cr_assert_not_null(strstr(error, "flip " FLIP_VERSION), "%s", error);
}

Test(library, that_is_not_there_is_refused)
{
	assert_no_library(path_of("libflip.so"), "No such file");
	cr_assert_not_null(strstr(error, "FLIP_LIBRARY"), "%s", error);
}

Test(library, that_is_garbage_is_refused)
{
	const char *path = write_script("libflip.so", "not a library\n");

	assert_no_library(path, path);
	assert_no_library(path, "cannot load");
}

Test(library, of_another_architecture_is_refused)
{
	struct image image = image_of_true();

	image.ehdr->e_machine = EM_NONE;
	assert_no_library(image_write(&image, "libflip.so"), "cannot load");
}

Test(library, that_is_another_library_is_refused)
{
	Dl_info info;

	/* A function of libc that no sanitizer has a double of. */
	cr_assert_neq(dladdr((void *)gnu_get_libc_version, &info), 0);
	assert_no_library(info.dli_fname, "not the library of flip");
}

Test(library, whose_path_ld_preload_cannot_hold_is_refused)
{
	static const char *const names[] = { "lib flip.so", "lib:flip.so" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		copy_file(getenv("SAME_LIBRARY"), path_of(names[i]));
		assert_no_library(path_of(names[i]), "LD_PRELOAD");
	}
}

Test(library, is_looked_for_beside_the_program)
{
	char path[4096];

	/* The directories of this test hold none, and nothing is installed under this name. */
	setenv("FLIP_LIBRARY", "", 1);
	if (library_find(path, sizeof(path), error, sizeof(error)) != 0)
		cr_assert_not_null(strstr(error, "libflip.so"), "%s", error);
	else
		cr_assert_eq(path[0], '/');
}
