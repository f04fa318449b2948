/* Threads made before and after the program listens, all of them in one accept(). */
#include "observe.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define N 8

static atomic_int listen_fd = -1, n_taken, n_waiting;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static bool may_begin;

static void *take(void *all_blocked)
{
	sigset_t set;
	int fd;

	sigfillset(&set);
	if (all_blocked)
		pthread_sigmask(SIG_SETMASK, &set, NULL);
	pthread_mutex_lock(&lock);
	while (!may_begin)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
	atomic_fetch_add(&n_waiting, 1);
	fd = accept(listen_fd, NULL, NULL);
	if (fd >= 0)
		atomic_fetch_add(&n_taken, 1);
	(void)!write(fd, "x", 1);
	close(fd);
	return fd >= 0 ? NULL : (void *)1;
}

static void *cancelled(void *unused)
{
	(void)unused;
	accept(listen_fd, NULL, NULL);
	return NULL;
}

int main(void)
{
	pthread_t threads[N];
	pthread_t victim;
	void *result;
	char byte;

	for (size_t i = 0; i < N / 2; i++)
		pthread_create(&threads[i], NULL, take, i % 2 ? &byte : NULL);
	listen_fd = listener(8080);
	settle(listen_fd);
	for (size_t i = N / 2; i < N; i++)
		pthread_create(&threads[i], NULL, take, i % 2 ? &byte : NULL);
	pthread_mutex_lock(&lock);
	may_begin = true;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
	while (n_waiting < N)
		usleep(1000);
	usleep(50000);
	say("taken %d", n_taken);
	for (int i = 0; i < N; i++) {
		int fd = client(8080);

		told("read", read(fd, &byte, 1));
		close(fd);
	}
	for (int i = 0; i < N; i++) {
		pthread_join(threads[i], &result);
		say("thread %d: %d", i, result == NULL);
	}
	say("taken %d", n_taken);
	pthread_create(&victim, NULL, cancelled, NULL);
	usleep(50000);
	say("cancel %d", pthread_cancel(victim));
	pthread_join(victim, &result);
	say("cancelled %d", result == PTHREAD_CANCELED);
	say("the end");
	return 0;
}
