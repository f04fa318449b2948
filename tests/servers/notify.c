/* How a server tells systemd that it is ready: READY=1 to the socket that NOTIFY_SOCKET names. */
#include "common.h"

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static void notify(const char *text)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t length;
	int fd;

	if (name == NULL || strlen(name) >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, name, strlen(name));
	length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address,
			       length) == -1)
		err(1, "cannot notify %s", name);
	close(fd);
}

static void *notifying_thread(void *argument)
{
	const struct server *server = argument;

	sleep_ms(server->options.notify_ms);
	notify("READY=1");
	return NULL;
}

void server_notify(const struct server *server)
{
	sigset_t all, before;
	pthread_t thread;

	if (server->options.notify_ms < 0)
		return;
	if (server->options.notify_ms == 0) {
		notify("READY=1");
		return;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	errno = pthread_create(&thread, NULL, notifying_thread, (void *)(uintptr_t)server);
	if (errno != 0)
		err(1, "pthread_create");
	pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}
