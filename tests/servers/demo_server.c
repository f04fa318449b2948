/*
 * A plain TCP server that was never written to be restarted: it listens, and a thread for each
 * connection logs what it receives, sends it back and closes.
 *
 *     demo_server [PORT]
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* "[4711] 2026/01/31 12:34:56 TEXT", in one write, so that lines of several processes do not mix */
#define LOG(format, ...) do { \
	char when[32]; \
	struct tm now; \
	localtime_r(&(time_t){ time(NULL) }, &now); \
	strftime(when, sizeof(when), "%Y/%m/%d %H:%M:%S", &now); \
	dprintf(STDOUT_FILENO, "[%d] %s " format "\n", getpid(), when, __VA_ARGS__); \
} while (0)

static void *serve(void *argument)
{
	int client_fd = (int)(intptr_t)argument;
	struct sockaddr_in client = { 0 };
	char host[INET_ADDRSTRLEN], message[1024];
	ssize_t length = recv(client_fd, message, sizeof(message) - 1, 0);

	if (length > 0) {
		message[length] = '\0';
		getpeername(client_fd, (struct sockaddr *)&client, &(socklen_t){ sizeof(client) });
		inet_ntop(AF_INET, &client.sin_addr, host, sizeof(host));
		LOG("receive message from [%s:%d]:[%.*s]", host, ntohs(client.sin_port),
		    (int)strcspn(message, "\r\n"), message);
		send(client_fd, message, (size_t)length, MSG_NOSIGNAL);
	}
	close(client_fd);
	return NULL;
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int listen_fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(listen_fd, (struct sockaddr *)&address, sizeof(address)) == -1)
		err(1, "cannot bind 127.0.0.1:%d", port);
	if (listen(listen_fd, SOMAXCONN) == -1)
		err(1, "cannot listen on 127.0.0.1:%d", port);
	LOG("listening on 127.0.0.1:%d", port);
	return listen_fd;
}

int main(int argc, char *argv[])
{
	int listen_fd = listen_on(argc > 1 ? (uint16_t)atoi(argv[1]) : 8080);

	for (;;) {
		int client_fd = accept(listen_fd, NULL, NULL);
		pthread_t thread;

		if (client_fd == -1)
			err(1, "accept");
		errno = pthread_create(&thread, NULL, serve, (void *)(intptr_t)client_fd);
		if (errno != 0)
			err(1, "pthread_create");
		pthread_detach(thread);
	}
}
