/* select() as it used to be written: with the limit of descriptors for n, and an fd_set of 1024. */
#include "observe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

/* An fd_set at the end of what is mapped: the kernel looks no further than at the open ones. */
static fd_set *edge_set(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(mprotect(pages + page, page, PROT_NONE), "mprotect");
	return (fd_set *)(void *)(pages + page - sizeof(fd_set));
}

int main(void)
{
	struct rlimit limit;
	int listen_fd = listener(8080), fd;
	fd_set *set = edge_set();
	struct timeval none = { 0 };
	int64_t start_ms;

	must(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
	start_ms = now_ms();
	for (int i = 0; i < 100; i++) {
		FD_ZERO(set);
		FD_SET(listen_fd, set);
		none.tv_usec = 0;
		if (select(getdtablesize(), set, NULL, NULL, &none) != 0)
			say("select: %s", strerrorname_np(errno));
	}
	if (generation() == 2)
		say("a hundred times: %s", since(start_ms));
	settle(listen_fd);
	fd = client(8080);
	FD_ZERO(set);
	FD_SET(listen_fd, set);
	told("select", select(getdtablesize(), set, NULL, NULL, NULL));
	say("set %d", FD_ISSET(listen_fd, set) != 0);
	told_ok("accept", accept(listen_fd, NULL, NULL));
	close(fd);
	say("the end");
	return 0;
}
