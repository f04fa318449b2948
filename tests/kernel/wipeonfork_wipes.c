/* How a child knows that it is one, whatever made it: the page is empty there. */
#include "kernel.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

int main(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	require(page != MAP_FAILED && madvise(page, 4096, MADV_WIPEONFORK) == 0,
		"MADV_WIPEONFORK is there");
	*page = 'x';
	pid = fork();
	if (pid == 0)
		_exit(*page == '\0' ? 0 : 1);
	require(child_wait(pid) == 0, "the page is wiped in a forked child");
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		_exit(*page == '\0' ? 0 : 1);
	require(child_wait(pid) == 0, "the page is wiped after clone() by hand");
	require(*page == 'x', "the parent keeps it");
	return 0;
}
