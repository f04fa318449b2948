#include "transfer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2], fds[PROTOCOL_FDS_MAX];
static unsigned n_fds;
static struct message message;

static void fixture_init(void)
{
	cr_assert(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
	/* From the first free number on all are free. */
	while (dup(ends[1]) < 100)
		;
}

TestSuite(transfer, .init = fixture_init);

static int first_free(void)
{
	int fd = dup(ends[0]);

	close(fd);
	return fd;
}

/* Any bytes, with copies of one descriptor. */
static void send_bytes(const void *bytes, size_t size, unsigned n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 64)];
	} control = { 0 };
	struct iovec vector = { (void *)(uintptr_t)bytes, size };
	struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };

	if (n) {
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int) * n);
		for (unsigned i = 0; i < n; i++)
			memcpy(CMSG_DATA(&control.align) + i * sizeof(int), &ends[0], sizeof(int));
	}
	cr_assert_eq(sendmsg(ends[0], &header, 0), (ssize_t)size);
}

static int receive(void)
{
	return transfer_receive(ends[1], &message, fds, &n_fds);
}

/* The same where so many numbers are left for descriptors. */
static int receive_with_free(int n)
{
	struct rlimit before, limit;
	int result;

	getrlimit(RLIMIT_NOFILE, &before);
	limit = before;
	limit.rlim_cur = (rlim_t)(first_free() + n);
	cr_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	result = receive();
	cr_assert(setrlimit(RLIMIT_NOFILE, &before) == 0);
	return result;
}

static struct message with_listeners(uint32_t n)
{
	struct message sent;

	message_init(&sent, MESSAGE_LISTENERS);
	sent.count = n;
	return sent;
}

Test(transfer, brings_a_message_with_its_descriptors)
{
	struct message sent = with_listeners(3);

	cr_assert_eq(transfer_send(ends[0], &sent, (int[]){ 0, 0, 0 }, 3), 0);
	cr_assert_eq(receive(), 0);
	cr_assert_eq(memcmp(&sent, &message, sizeof(sent)), 0);
	cr_assert_eq(n_fds, 3);
	for (unsigned i = 0; i < n_fds; i++)
		cr_assert_eq(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
	cr_assert_eq(receive(), -EAGAIN);
}

Test(transfer, tells_that_the_peer_is_gone)
{
	close(ends[0]);
	cr_assert_eq(receive(), -EPIPE);
}

Test(transfer, keeps_no_descriptor_of_what_it_drops)
{
	struct message sent = with_listeners(3);
	int before = first_free();

	send_bytes("", 0, 5);
	cr_assert_eq(receive(), -EPIPE);
	cr_assert_eq(n_fds, 0);
	cr_assert_eq(first_free(), before);
	send_bytes("x", 1, 5);
	cr_assert_eq(receive(), -EBADMSG);
	cr_assert_eq(first_free(), before);
	send_bytes(&sent, sizeof(sent), 4);
	cr_assert_eq(receive(), -EBADMSG);
	cr_assert_eq(n_fds, 0);
	cr_assert_eq(first_free(), before);
	send_bytes(&sent, sizeof(sent), 50);
	cr_assert_eq(receive(), -EBADMSG);
	cr_assert_eq(first_free(), before);
}

Test(transfer, tells_of_a_message_without_room_for_its_descriptors)
{
	struct message sent = with_listeners(3);
	int before = first_free();

	for (int room = 0; room < 3; room++) {
		send_bytes(&sent, sizeof(sent), 3);
		cr_assert_eq(receive_with_free(room), -EMFILE);
		cr_assert_eq(n_fds, 0);
		cr_assert_eq(message.type, MESSAGE_LISTENERS);
		cr_assert_eq(first_free(), before);
	}
	send_bytes(&sent, sizeof(sent), 3);
	cr_assert_eq(receive_with_free(3), 0);
	cr_assert_eq(n_fds, 3);
}

/* Whoever gets -EMFILE goes by what is in the message. */
Test(transfer, takes_garbage_for_garbage_without_room_for_descriptors)
{
	struct message sent = with_listeners(3);
	unsigned char bytes[sizeof(sent)] = { 0 };

	send_bytes(bytes, sizeof(bytes), 3);
	cr_assert_eq(receive_with_free(0), -EBADMSG);
	send_bytes(bytes, sizeof(bytes), 50);
	cr_assert_eq(receive(), -EBADMSG);
	send_bytes("x", 1, 3);
	cr_assert_eq(receive_with_free(0), -EBADMSG);
	sent.count = PROTOCOL_FDS_MAX + 1;
	send_bytes(&sent, sizeof(sent), 3);
	cr_assert_eq(receive_with_free(0), -EBADMSG);
	sent.count = 3;
	sent.type = UINT16_MAX;
	send_bytes(&sent, sizeof(sent), 3);
	cr_assert_eq(receive_with_free(0), -EBADMSG);
}
