#include "synchronous.h"

#include "core/protocol.h"
#include "registration.h"
#include "signals.h"
#include "sys.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

static _Atomic uint64_t noted;

void synchronous_note(const sigset_t *set)
{
	uint64_t bits;

	if (!set)
		return;
	memcpy(&bits, set, sizeof(bits)); /* libc's set begins with the kernel's */
	if (bits & ~atomic_load(&noted))
		atomic_fetch_or(&noted, bits);
}

bool synchronous_has(int signal)
{
	return atomic_load(&noted) & sys_signal_bit(signal);
}

static bool refit_descriptor(int fd, void *proc_fd)
{
	uint64_t mask;

	if (descriptor_signals(*(int *)proc_fd, fd, &mask) && mask & signals_ours()) {
		mask &= ~signals_ours();
		SYS_CALL(SYS_signalfd4, fd, &mask, SYS_SIGSET_SIZE, 0);
	}
	return true;
}

static bool wake_thread(int tid, void *proc_fd)
{
	if (tid != sys_gettid() && task_call(*(int *)proc_fd, tid) == SYS_rt_sigtimedwait)
		sys_signal_thread(sys_getpid(), tid, SESSION_SIGNAL, SESSION_MARK);
	return true;
}

void synchronous_refit(void)
{
	int proc_fd = sys_openat(AT_FDCWD, "/proc/thread-self", O_RDONLY | O_DIRECTORY);

	if (proc_fd < 0)
		return;
	descriptor_each(proc_fd, refit_descriptor, &proc_fd);
	task_each(proc_fd, wake_thread, &proc_fd);
	sys_close(proc_fd);
}
