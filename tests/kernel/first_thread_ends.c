/*
 * A process whose first thread has ended by pthread_exit(3) serves on, but /proc shows no descriptors
 * of it by its pid: only by a thread that lives.
 */
#include "kernel.h"

#include <fcntl.h>

static void *look(void *unused)
{
	char link[4096];

	(void)unused;
	for (int i = 0; i < 5000 && readlink("/proc/self/cwd", link, sizeof(link)) != -1; i++)
		usleep(1000);
	require(readlink("/proc/self/cwd", link, sizeof(link)) == -1, "the first thread has ended");
	require(readlink("/proc/self/fd/0", link, sizeof(link)) == -1, "and shows no descriptors");
	require(open("/proc/self", O_RDONLY | O_DIRECTORY) != -1, "there is a directory of it");
	require(readlink("/proc/thread-self/fd/0", link, sizeof(link)) != -1, "another one shows them");
	exit(0);
}

int main(void)
{
	pthread_t thread;

	require(pthread_create(&thread, NULL, look, NULL) == 0, "a second thread");
	pthread_exit(NULL);
}
