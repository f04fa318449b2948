/*
 * Hooks: a process that confines itself to some system calls (seccomp(2)), and is killed at any other. One that
 * was forked for a session of a client has that one's connection and no listener, and need not allow what flip
 * would ask the kernel about its descriptors, after a restart most of all: it leaves the service. Any other stays:
 * it may have a listener, be sent one yet, or clean up behind the server.
 */
#include "hooks.h"
#include "listener.h"
#include "registration.h"
#include "retire.h"
#include "session.h"

#include <sys/prctl.h>
#include <sys/select.h>

static bool look_at(int fd, void *found)
{
	*(bool *)found = listener_is(fd) || retire_inode_behind(fd);
	return !*(bool *)found;
}

static bool has_listener(void)
{
	bool found = false;

	if (descriptor_each(-1, look_at, &found) == 0)
		return found;
	/* Without /proc, after chroot(): a server that confines its processes has not made many descriptors yet. */
	for (int fd = 0; fd < FD_SETSIZE && !found; fd++)
		look_at(fd, &found);
	return found;
}

int hook_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	if (option == PR_SET_SECCOMP && session_has_family() && session_is_forked() && retire_count(-1, false) &&
	    !has_listener()) {
		session_leave();
		retire_forget();
	}
	return REAL(prctl)(option, a, b, c, d);
}
