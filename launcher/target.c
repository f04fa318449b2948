#include "target.h"

#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "cleanup.h"
#include "core/procfs.h"

/* The kernel's BINPRM_BUF_SIZE: what execve(2) reads of a script. */
#define SCRIPT_LINE 256
/* execve(2) follows that many scripts that are interpreters of scripts. */
#define SCRIPT_DEPTH 5
#define PHDRS_MAX 128
/* Colon and space separate names in LD_PRELOAD, and nothing quotes them. */
#define PRELOAD_SEPARATORS ": \t\n"
#define LIBRARY_GOOD "good"

/* This program's own ELF header, from the linker: what we are built for is what we can preload. */
extern const unsigned char __ehdr_start[] __attribute__((visibility("hidden")));
#define OWN_EHDR ((const ElfW(Ehdr) *)(const void *)__ehdr_start)

struct refusal {
	char *text;
	size_t size;
};

/* A program file that is being looked at. */
struct program {
	const char *path;
	int fd;
	off_t size;
	struct refusal refusal;
};

__attribute__((format(printf, 3, 4))) static int refuse(const struct refusal *refusal, int code,
							const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(refusal->text, refusal->size, format, arguments);
	va_end(arguments);
	return code;
}

static const char *machine_name(unsigned machine, unsigned class)
{
	static const struct {
		unsigned machine, class;
		const char *name;
	} names[] = {
		{ EM_X86_64, ELFCLASS64, "x86-64" },   { EM_X86_64, ELFCLASS32, "x32" },
		{ EM_386, ELFCLASS32, "32-bit x86" },  { EM_AARCH64, ELFCLASS64, "aarch64" },
		{ EM_ARM, ELFCLASS32, "32-bit ARM" },  { EM_RISCV, ELFCLASS64, "64-bit RISC-V" },
		{ EM_PPC64, ELFCLASS64, "ppc64" },     { EM_S390, ELFCLASS64, "s390x" },
		{ EM_MIPS, ELFCLASS64, "64-bit MIPS" }, { EM_LOONGARCH, ELFCLASS64, "loongarch64" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].machine == machine && names[i].class == class)
			return names[i].name;
	return "another machine";
}

/* The dynamic loader that our own file asks for: glibc's, of our architecture. */
static const char *own_loader(void)
{
	const ElfW(Phdr) *phdr = (const void *)(__ehdr_start + OWN_EHDR->e_phoff);

	for (size_t i = 0; i < OWN_EHDR->e_phnum; i++)
		if (phdr[i].p_type == PT_INTERP)
			return (const char *)__ehdr_start + phdr[i].p_offset;
	return "";
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int corrupt(const struct program *program)
{
	return refuse(&program->refusal, EXIT_NOT_EXECUTABLE,
		      "'%s' is a damaged or incomplete ELF file; copy it again", program->path);
}

static int check_loader(const struct program *program, const ElfW(Phdr) *phdr)
{
	char loader[PATH_MAX];
	size_t length = phdr->p_filesz;

	if (length < 2 || length > sizeof(loader) ||
	    pread(program->fd, loader, length, (off_t)phdr->p_offset) != (ssize_t)length ||
	    loader[length - 1] != '\0')
		return corrupt(program);
	if (access(loader, F_OK) != 0)
		return refuse(&program->refusal, EXIT_NOT_FOUND,
			      "'%s' needs the dynamic loader '%s', which is not on this machine",
			      program->path, loader);
	if (strcmp(base_name(loader), base_name(own_loader())) != 0)
		return refuse(&program->refusal, EXIT_FLIP,
			      "'%s' is built for another C library (its loader is '%s'), and "
			      "flip's library needs glibc's (%s)",
			      program->path, loader, base_name(own_loader()));
	return 0;
}

/*
 * The dynamic loader as the command (ld.so --library-path DIR ./server) preloads into the program that it is told to
 * run, and says itself what is wrong with that: it needs no permission to execute it, and looks for it in its own way.
 * By name it may be one that a program brings along, with its glibc.
 */
static bool is_loader(const struct program *program)
{
	struct stat ours, its;

	if (strcmp(base_name(program->path), base_name(own_loader())) == 0)
		return true;
	return stat(own_loader(), &ours) == 0 && fstat(program->fd, &its) == 0 && ours.st_dev == its.st_dev &&
	       ours.st_ino == its.st_ino;
}

static int check_phdrs(const struct program *program, const ElfW(Ehdr) *ehdr)
{
	ElfW(Phdr) phdr[PHDRS_MAX];
	size_t length = ehdr->e_phnum * sizeof(phdr[0]);
	const ElfW(Phdr) *interp = NULL;

	if (ehdr->e_phentsize != sizeof(phdr[0]) || ehdr->e_phnum == 0 ||
	    ehdr->e_phnum > PHDRS_MAX ||
	    pread(program->fd, phdr, length, (off_t)ehdr->e_phoff) != (ssize_t)length)
		return corrupt(program);
	for (size_t i = 0; i < ehdr->e_phnum; i++) {
		/* What a half-finished copy looks like; the kernel finds out by SIGBUS. */
		if (phdr[i].p_type == PT_LOAD &&
		    (phdr[i].p_offset > (ElfW(Off))program->size ||
		     phdr[i].p_filesz > (ElfW(Off))program->size - phdr[i].p_offset))
			return corrupt(program);
		if (phdr[i].p_type == PT_INTERP && !interp)
			interp = &phdr[i];
	}
	if (!interp && is_loader(program))
		return 0;
	if (!interp)
		return refuse(&program->refusal, EXIT_FLIP,
			      "'%s' is statically linked, so no library can be loaded into it; "
			      "link it dynamically, or if it only starts the server, let it start flip run",
			      program->path);
	return check_loader(program, interp);
}

/* The loader drops LD_PRELOAD from a program that gets rights its caller has not (ld.so(8)). */
static int check_privileges(const struct program *program, const struct stat *status)
{
	const char *why = NULL;

	/* It is the privileges that we lack which count (AT_SECURE, getauxval(3)). */
	if (status->st_mode & S_ISUID && (status->st_uid != getuid() || status->st_uid != geteuid()))
		why = "setuid";
	else if ((status->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
		 (status->st_gid != getgid() || status->st_gid != getegid()))
		why = "setgid";
	/* To root none is new (cap_bprm_creds_from_file() in Linux). */
	else if (getuid() != 0 && fgetxattr(program->fd, "security.capability", NULL, 0) > 0)
		why = "given capabilities of its own";
	if (!why)
		return 0;
	return refuse(&program->refusal, EXIT_FLIP,
		      "'%s' is %s, and the dynamic loader preloads nothing into such a program; "
		      "start flip with these privileges instead",
		      program->path, why);
}

static int check_elf(const struct program *program, const unsigned char *head, size_t length,
		     const struct stat *status)
{
	ElfW(Ehdr) ehdr;

	/* Class, byte order and machine stand at the same place in headers of both classes. */
	if (length < offsetof(Elf32_Ehdr, e_version))
		return corrupt(program);
	memcpy(&ehdr, head, length < sizeof(ehdr) ? length : sizeof(ehdr));
	if (ehdr.e_ident[EI_CLASS] != OWN_EHDR->e_ident[EI_CLASS] ||
	    ehdr.e_ident[EI_DATA] != OWN_EHDR->e_ident[EI_DATA] ||
	    ehdr.e_machine != OWN_EHDR->e_machine)
		return refuse(&program->refusal, EXIT_FLIP,
			      "'%s' is a program for %s, and this flip is built for %s; "
			      "use a flip of that architecture",
			      program->path, machine_name(ehdr.e_machine, ehdr.e_ident[EI_CLASS]),
			      machine_name(OWN_EHDR->e_machine, OWN_EHDR->e_ident[EI_CLASS]));
	if (length < sizeof(ehdr))
		return corrupt(program);
	if (ehdr.e_type != ET_EXEC && ehdr.e_type != ET_DYN)
		return refuse(&program->refusal, EXIT_NOT_EXECUTABLE,
			      "'%s' is an object file or a core dump, not a program",
			      program->path);

	int code = check_privileges(program, status);

	return code ? code : check_phdrs(program, &ehdr);
}

static int check_file(const char *path, int depth, const struct refusal *refusal);

/* Cuts the interpreter's path out of the line like the kernel does; NULL: there is none. */
static char *script_interpreter(char *line)
{
	char *start = line + 2 + strspn(line + 2, " \t");
	size_t length = strcspn(start, " \t\n");

	/* Without an end the path may go on beyond what the kernel reads. */
	if (length == 0 || start + length >= line + SCRIPT_LINE - 1)
		return NULL;
	start[length] = '\0';
	return start;
}

static int check_script(const struct program *program, char *line, int depth)
{
	char inner[PATH_MAX + 512];
	struct refusal refusal = { inner, sizeof(inner) };
	char *interpreter = script_interpreter(line);

	if (!interpreter)
		return refuse(&program->refusal, EXIT_NOT_EXECUTABLE,
			      "'%s' begins with #! but names no interpreter that fits there",
			      program->path);
	if (depth >= SCRIPT_DEPTH)
		return refuse(&program->refusal, EXIT_NOT_EXECUTABLE,
			      "'%s' is a script that is run by a script again, too many times",
			      program->path);

	int code = check_file(interpreter, depth + 1, &refusal);

	if (code == 0)
		return 0;
	/* Named are the command and what is wrong in the end, not the scripts between them. */
	if (depth > 0)
		return refuse(&program->refusal, code, "%s", inner);
	return refuse(&program->refusal, code, "'%s' is a script, and its interpreter %s",
		      program->path, inner);
}

/* Text without #! is run by /bin/sh, as execvp() has it. */
static int check_text(const struct program *program, const unsigned char *head, size_t length)
{
	if (length == 0)
		return refuse(&program->refusal, EXIT_NOT_EXECUTABLE, "'%s' is an empty file",
			      program->path);
	for (size_t i = 0; i < length && head[i] != '\n'; i++)
		if (head[i] < 0x80 && !isprint(head[i]) && !isspace(head[i]))
			return refuse(&program->refusal, EXIT_NOT_EXECUTABLE,
				      "'%s' is neither an ELF program nor a script "
				      "(exec format error)",
				      program->path);
	return 0;
}

static int check_content(const struct program *program, const struct stat *status, int depth)
{
	unsigned char head[SCRIPT_LINE] = { 0 };
	ssize_t length = pread(program->fd, head, sizeof(head) - 1, 0);

	if (length < 0)
		return refuse(&program->refusal, EXIT_NOT_EXECUTABLE, "cannot read '%s': %s",
			      program->path, strerror(errno));
	if (length >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0)
		return check_elf(program, head, (size_t)length, status);
	if (length >= 2 && memcmp(head, "#!", 2) == 0)
		return check_script(program, (char *)head, depth);
	return check_text(program, head, (size_t)length);
}

/* By the ids that count at exec; where a filter forbids to ask for these (faccessat2), by the real ones. */
static bool may_execute(const char *path)
{
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 || (errno == EPERM && access(path, X_OK) == 0);
}

static int check_file(const char *path, int depth, const struct refusal *refusal)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return refuse(refusal,
			      errno == ENOENT || errno == ENOTDIR ? EXIT_NOT_FOUND :
								    EXIT_NOT_EXECUTABLE,
			      "'%s' cannot be run: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return refuse(refusal, EXIT_NOT_EXECUTABLE, "'%s' is %s, not a program", path,
			      S_ISDIR(status.st_mode) ? "a directory" : "no regular file");
	if (!may_execute(path))
		return refuse(refusal, EXIT_NOT_EXECUTABLE, "'%s' cannot be run: %s", path,
			      strerror(errno));

	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	/* The kernel makes such a process undumpable: even its own /proc/self/fd is closed. */
	if (fd < 0)
		return refuse(refusal, EXIT_FLIP,
			      "'%s' may be run but not read (%s), and flip can do nothing in a "
			      "process of such a file",
			      path, strerror(errno));
	return check_content(&(struct program){ path, fd, status.st_size, *refusal },
			     &status, depth);
}

/*
 * Looks `command` up in PATH and leaves the file in `path`. Like execvp() it passes over what may
 * not be run, and remembers it: that is the better reason when nothing else is found.
 */
static int path_find(const char *command, char path[PATH_MAX], const struct refusal *refusal)
{
	const char *list = getenv("PATH");
	int code = EXIT_NOT_FOUND;

	refuse(refusal, 0, "'%.200s' is not found in PATH", command);
	for (const char *at = list ? list : "/bin:/usr/bin"; at; at += *at == ':') {
		int length = (int)strcspn(at, ":");
		struct stat status;
		int written = snprintf(path, PATH_MAX, "%.*s%s%s", length, at,
				       length ? "/" : "", command);

		at += length;
		if (written < PATH_MAX && stat(path, &status) == 0) {
			if (S_ISREG(status.st_mode) &&
			    may_execute(path))
				return 0;
			code = refuse(refusal, EXIT_NOT_EXECUTABLE, "'%s' is not executable", path);
		}
		if (*at == '\0')
			break;
	}
	return code;
}

int target_check(const char *command, char *error, size_t size)
{
	struct refusal refusal = { error, size };
	char path[PATH_MAX];

	if (*command == '\0')
		return refuse(&refusal, EXIT_NOT_FOUND, "the command is an empty word");
	if (strchr(command, '/'))
		return check_file(command, 0, &refusal);

	int code = path_find(command, path, &refusal);

	return code ? code : check_file(path, 0, &refusal);
}

bool target_find(const char *command, char *path, size_t size)
{
	char found[PATH_MAX], error[PATH_MAX + 64];
	struct refusal refusal = { error, sizeof(error) };
	bool has_directory = strchr(command, '/') != NULL;

	if (!has_directory && path_find(command, found, &refusal) != 0)
		return false;
	return snprintf(path, size, "%s", has_directory ? command : found) < (int)size;
}

int target_check_machine(char *error, size_t size)
{
	struct refusal refusal = { error, size };
	DIR *directory = opendir("/proc/self/fd");
	char self[16] = "";

	if (!directory)
		return refuse(&refusal, EXIT_FLIP,
			      "cannot read /proc/self/fd (%s), where flip finds a server's "
			      "sockets; mount proc on /proc",
			      strerror(errno));
	closedir(directory);
	if (readlink("/proc/self", self, sizeof(self) - 1) > 0 && procfs_parse_number(self) != getpid())
		return refuse(&refusal, EXIT_FLIP,
			      "/proc is that of another PID namespace, where this process is number %s and not %d; "
			      "mount proc anew (unshare --mount-proc)",
			      self, (int)getpid());
	return 0;
}

/* Gives `directory/name` to `path` if there is such a file. */
static bool library_at(const char *directory, const char *name, char path[PATH_MAX])
{
	char joined[2 * PATH_MAX];

	snprintf(joined, sizeof(joined), "%s/%s", directory, name);
	return realpath(joined, path) != NULL;
}

static bool library_beside_us(char path[PATH_MAX])
{
	static const char *const names[] = {
		"libflip.so",
		"../shim/libflip.so",
		"../lib/flip/libflip.so",
		"../lib/libflip.so",
		"../lib/x86_64-linux-gnu/libflip.so",
	};
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length <= 0)
		return false;
	self[length] = '\0';
	/* When flip itself was replaced on disk, " (deleted)" follows: behind the last slash. */
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (library_at(self, names[i], path))
			return true;
	return library_at(FLIP_LIBDIR, "libflip.so", path);
}

/* What is wrong with the library goes to `refusal`. Ends as a process, see library_check(). */
static int library_load(const char *path, const struct refusal *refusal)
{
	setenv("FLIP_DISABLE", "1", 1);

	void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);

	if (!library)
		return refuse(refusal, EXIT_FLIP, "cannot load flip's library: %s", dlerror());

	const char *version = dlsym(library, "flip_version");

	if (!version)
		return refuse(refusal, EXIT_FLIP, "'%s' is not the library of flip", path);
	if (strcmp(version, FLIP_VERSION) != 0)
		return refuse(refusal, EXIT_FLIP,
			      "'%s' is of version %.40s, and this is flip %s; install both from "
			      "the same build",
			      path, version, FLIP_VERSION);
	return refuse(refusal, 0, LIBRARY_GOOD);
}

/* Reads up to the end of the file: a pipe may give less at once than was written. */
static void verdict_read(int fd, const struct refusal *refusal)
{
	size_t length = 0;
	ssize_t got;

	do {
		got = read(fd, refusal->text + length, refusal->size - 1 - length);
		length += got > 0 ? (size_t)got : 0;
	} while (got > 0 || (got < 0 && errno == EINTR));
	refusal->text[length] = '\0';
}

/*
 * Loads the library in a child: it never unloads itself (nodelete), would stay in the supervisor
 * for ever, and a file that only looks like it may do anything. The verdict comes by a pipe, since
 * with SIGCHLD ignored there is no exit status to wait for.
 */
static int library_check(const char *path, const struct refusal *refusal)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return refuse(refusal, EXIT_FLIP, "cannot look at '%s': %s", path, strerror(errno));

	CLEANUP_FD int verdict = ends[0];
	pid_t child = fork();

	if (child == 0) {
		library_load(path, refusal);
		_exit(write(ends[1], refusal->text, strlen(refusal->text)) < 0);
	}
	close(ends[1]);
	if (child < 0)
		return refuse(refusal, EXIT_FLIP, "cannot look at '%s': %s", path, strerror(errno));
	verdict_read(verdict, refusal);
	waitpid(child, NULL, 0);
	if (strcmp(refusal->text, LIBRARY_GOOD) == 0)
		return 0;
	if (refusal->text[0] == '\0')
		refuse(refusal, EXIT_FLIP, "'%s' does not survive being loaded", path);
	return EXIT_FLIP;
}

/* The one that was found good, and what it was like then. */
static struct {
	char path[PATH_MAX];
	struct stat status;
} library;

static bool library_is_the_same(const struct stat *now)
{
	const struct stat *before = &library.status;

	return now->st_dev == before->st_dev && now->st_ino == before->st_ino &&
	       now->st_size == before->st_size && now->st_mtim.tv_sec == before->st_mtim.tv_sec &&
	       now->st_mtim.tv_nsec == before->st_mtim.tv_nsec;
}

/* The file is looked at first: what takes its place meanwhile is noticed the next time. */
int library_check_again(char *error, size_t size)
{
	struct refusal refusal = { error, size };
	struct stat now = { 0 };
	int code;

	if (stat(library.path, &now) == 0 && library_is_the_same(&now))
		return 0;
	code = library_check(library.path, &refusal);
	if (code == 0)
		library.status = now;
	return code;
}

int library_find(char *path, size_t size, char *error, size_t error_size)
{
	struct refusal refusal = { error, error_size };
	const char *named = getenv("FLIP_LIBRARY");
	char found[PATH_MAX];

	if (named && *named != '\0') {
		if (!realpath(named, found))
			return refuse(&refusal, EXIT_FLIP,
				      "cannot find '%s' (from FLIP_LIBRARY): %s", named,
				      strerror(errno));
	} else if (!library_beside_us(found)) {
		return refuse(&refusal, EXIT_FLIP,
			      "cannot find libflip.so, neither beside flip nor in %s; "
			      "name it in FLIP_LIBRARY",
			      FLIP_LIBDIR);
	}
	if (strpbrk(found, PRELOAD_SEPARATORS))
		return refuse(&refusal, EXIT_FLIP,
			      "'%s' has a blank or a colon in its path, which LD_PRELOAD cannot "
			      "hold; move it",
			      found);
	if (strlen(found) >= size)
		return refuse(&refusal, EXIT_FLIP, "the path '%s' is too long", found);
	memcpy(path, found, strlen(found) + 1);
	memcpy(library.path, found, strlen(found) + 1);
	return library_check_again(error, error_size);
}
