#include "orphan.h"

#include "retire.h"
#include "session.h"
#include "sys.h"

#include <sys/wait.h>

#define TICK_NS 100000000L

void orphan_begin(void)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SESSION_SIGNAL,
		.sigev_value.sival_ptr = (void *)SESSION_MARK,
	};
	struct itimerspec every = { { 0, TICK_NS }, { 0, TICK_NS } };
	int timer; /* the kernel's timer_t */

	if (SYS_CALL(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) == 0)
		SYS_CALL(SYS_timer_settime, timer, 0, &every, NULL);
}

/* A master ends after its workers, whose connections it does not have. Whichever thread has made them. */
static bool has_children(void)
{
	siginfo_t unread;

	return SYS_CALL(SYS_waitid, P_ALL, 0, &unread, WEXITED | WNOHANG | WNOWAIT | __WALL, NULL) == 0;
}

static int proc_open(void)
{
	return sys_openat(AT_FDCWD, "/proc/thread-self", O_RDONLY | O_DIRECTORY);
}

void orphan_retire(void)
{
	int proc_fd = proc_open();

	retire_begin(-1, proc_fd, false);
	orphan_begin();
	if (proc_fd >= 0)
		sys_close(proc_fd);
}

void orphan_tick(void)
{
	int proc_fd = proc_open();

	if (proc_fd < 0)
		return;
	if (!has_children() && retire_count(proc_fd, false) == 0 &&
	    !retire_end(proc_fd, SIGTERM))
		sys_kill(sys_getpid(), SIGTERM);
	sys_close(proc_fd);
}
