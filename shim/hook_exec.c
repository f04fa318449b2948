/*
 * Hooks: exec. A program that gets a listener of the service gets flip, too (inherit.h), and while a
 * process becomes another program, flip's signal must not come: its handler is gone already, and the
 * default would end the process.
 */
#include "hooks.h"
#include "inherit.h"
#include "signals.h"
#include "sys.h"

#include <alloca.h>
#include <unistd.h>

/* A macro, for what alloca() gives is gone with the function that calls it. */
#define WITH_FLIP(environment, becomes)                                                     \
	({                                                                                      \
		char *const *with = environment;                                                    \
		size_t with_room = inherit_room(with, becomes);                                     \
		if (with_room)                                                                      \
			with = inherit_environment(with, alloca(with_room), with_room);                 \
		with;                                                                               \
	})

#define EXEC(call)               \
	({                           \
		signals_exec_begin();    \
		(void)(call);            \
		signals_exec_failed();   \
		-1;                      \
	})

int hook_execve(const char *path, char *const argv[], char *const envp[])
{
	return EXEC(REAL(execve)(path, argv, WITH_FLIP(envp, true)));
}

int hook_execv(const char *path, char *const argv[])
{
	return EXEC(REAL(execve)(path, argv, WITH_FLIP(environ, true)));
}

int hook_execvpe(const char *file, char *const argv[], char *const envp[])
{
	return EXEC(REAL(execvpe)(file, argv, WITH_FLIP(envp, true)));
}

int hook_execvp(const char *file, char *const argv[])
{
	return EXEC(REAL(execvpe)(file, argv, WITH_FLIP(environ, true)));
}

int hook_fexecve(int fd, char *const argv[], char *const envp[])
{
	return EXEC(REAL(fexecve)(fd, argv, WITH_FLIP(envp, true)));
}

int hook_execveat(int directory, const char *path, char *const argv[], char *const envp[], int flags)
{
	return EXEC(REAL(execveat)(directory, path, argv, WITH_FLIP(envp, true), flags));
}

/*
 * What the file actions do cannot be known: a descriptor that they are to close or to copy is judged
 * by what it is now. Their child blocks all signals until it is the other program.
 */
int hook_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		     const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	return REAL(posix_spawn)(pid, path, actions, attributes, argv, WITH_FLIP(envp, false));
}

int hook_posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
		      const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	return REAL(posix_spawnp)(pid, file, actions, attributes, argv, WITH_FLIP(envp, false));
}
