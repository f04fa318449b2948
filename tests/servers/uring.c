/* A server that accepts by io_uring(7), with system calls of its own: no hook sees it wait. */
#include "common.h"

#include <err.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ring {
	int fd;
	struct io_uring_params params;
	char *queues; /* both, in one map (IORING_FEAT_SINGLE_MMAP) */
	struct io_uring_sqe *requests;
};

static _Atomic unsigned *queue_word(const struct ring *ring, unsigned offset)
{
	return (_Atomic unsigned *)(ring->queues + offset);
}

static void *must_map(int fd, size_t size, off_t offset)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);

	if (map == MAP_FAILED)
		err(1, "mmap");
	return map;
}

static void ring_open(struct ring *ring)
{
	size_t submit_size, complete_size;

	memset(ring, 0, sizeof(*ring));
	ring->fd = (int)syscall(SYS_io_uring_setup, 8, &ring->params);
	if (ring->fd == -1)
		err(77, "io_uring is not to be had here");
	submit_size = ring->params.sq_off.array + ring->params.sq_entries * sizeof(unsigned);
	complete_size = ring->params.cq_off.cqes + ring->params.cq_entries * sizeof(struct io_uring_cqe);
	ring->queues = must_map(ring->fd, submit_size > complete_size ? submit_size : complete_size,
				IORING_OFF_SQ_RING);
	ring->requests = must_map(ring->fd, ring->params.sq_entries * sizeof(*ring->requests), IORING_OFF_SQES);
}

static void ring_accept(struct ring *ring, int listen_fd, bool is_multishot)
{
	_Atomic unsigned *tail = queue_word(ring, ring->params.sq_off.tail);
	unsigned at = *tail & (ring->params.sq_entries - 1);

	ring->requests[at] = (struct io_uring_sqe){
		.opcode = IORING_OP_ACCEPT,
		.fd = listen_fd,
		.ioprio = is_multishot ? IORING_ACCEPT_MULTISHOT : 0,
	};
	((unsigned *)(ring->queues + ring->params.sq_off.array))[at] = at;
	++*tail;
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0) != 1)
		err(1, "io_uring_enter");
}

static struct io_uring_cqe ring_wait(struct ring *ring)
{
	_Atomic unsigned *head = queue_word(ring, ring->params.cq_off.head);
	_Atomic unsigned *tail = queue_word(ring, ring->params.cq_off.tail);
	struct io_uring_cqe *done = (struct io_uring_cqe *)(ring->queues + ring->params.cq_off.cqes), first;

	while (*head == *tail)
		if (syscall(SYS_io_uring_enter, ring->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0) == -1 &&
		    errno != EINTR)
			err(1, "io_uring_enter");
	first = done[*head & (ring->params.cq_entries - 1)];
	++*head;
	return first;
}

static void run(struct server *server, bool is_multishot)
{
	struct ring ring;

	ring_open(&ring);
	ring_accept(&ring, server->listen_fds[0], is_multishot);
	while (!server_is_stopping()) {
		struct io_uring_cqe done = ring_wait(&ring);

		if (done.res >= 0)
			connection_serve(server, done.res);
		else if (done.res != -ECANCELED)
			errx(1, "accept: %s", strerror(-done.res));
		if (!(done.flags & IORING_CQE_F_MORE))
			ring_accept(&ring, server->listen_fds[0], is_multishot);
	}
}

void run_uring(struct server *server)
{
	run(server, false);
}

void run_uring_multishot(struct server *server)
{
	run(server, true);
}
