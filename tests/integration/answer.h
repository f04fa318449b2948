/* What servers that a test compiles have in common: each client's line is answered as tests/servers/server does. */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static inline void answer_for_ever(int listener)
{
	char asked[64], text[128];

	for (;;) {
		int client = accept(listener, NULL, NULL);
		ssize_t n = read(client, asked, sizeof(asked));

		n = n > 0 ? snprintf(text, sizeof(text), "v1 %d %.*s", (int)getpid(), (int)n, asked) : 0;
		(void)!write(client, text, (size_t)n);
		close(client);
	}
}
