/*
 * Messages of the channel and requests on the control socket, with the descriptors that come along:
 * what transfer_receive() makes of any datagram, and what the supervisor reads in it.
 *
 * Input: how many descriptors, how many numbers the receiver has free for them, the datagram.
 */
#include "core/address.h"
#include "fuzz.h"
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS_MAX 40 /* some more than a message may have */

static int ends[2] = { -1, -1 }, sent_fd, first_free;

static void set_up(void)
{
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	sent_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CHECK(sent_fd >= 0);
}

static void send_datagram(const uint8_t *bytes, size_t size, unsigned n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * FDS_MAX)];
	} control = { 0 };
	struct iovec vector = { (void *)(uintptr_t)bytes, size };
	struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };
	struct cmsghdr *rights = &control.align;

	if (n_fds) {
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		for (unsigned i = 0; i < n_fds; i++)
			memcpy(CMSG_DATA(rights) + i * sizeof(int), &sent_fd, sizeof(int));
	}
	CHECK(sendmsg(ends[0], &header, MSG_DONTWAIT) == (ssize_t)size);
}

/* From here on only so many numbers are left to this process. */
static void leave_free(int n)
{
	struct rlimit limit;

	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = n < 0 ? limit.rlim_max : (rlim_t)(first_free + n);
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/* As answer_claim() and answer_about_file() do. */
static void read_address(const struct message *message)
{
	struct sockaddr_storage address = { 0 };
	const struct sockaddr *any = (const struct sockaddr *)&address;
	char text[ADDRESS_TEXT_MAX];

	CHECK(message->count <= sizeof(address));
	memcpy(&address, message->bound.address, message->count);
	CHECK(address_format(any, text, sizeof(text)) == text);
	CHECK(memchr(text, '\0', sizeof(text)) && text[0]);
	CHECK(address_key(&address) < ADDRESS_KEYS);
	CHECK(!address_is_path(any, message->count) || address_is_service(any, message->count));
	if (address_is_service(any, message->count) && !address_is_path(any, message->count))
		CHECK(address_equal(any, any));
}

static void read_message(const struct message *message, const int *fds, unsigned n_fds)
{
	CHECK(message->count <= PROTOCOL_FDS_MAX || message->type == MESSAGE_CLAIM ||
	      message->type == MESSAGE_KNOCK);
	CHECK(strcmp(message_name(message->type), "unknown") != 0);
	for (unsigned i = 0; i < n_fds; i++)
		CHECK(fcntl(fds[i], F_GETFD) == FD_CLOEXEC);
	if (message->type == MESSAGE_CLAIM || message->type == MESSAGE_KNOCK)
		read_address(message);
	if (message->type == MESSAGE_LISTENERS)
		CHECK(n_fds == message->count);
	if (message->type == MESSAGE_RESUME)
		CHECK(n_fds == message->count + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct message message;
	int fds[PROTOCOL_FDS_MAX], result;
	unsigned n_fds;

	if (size < 2)
		return 0;
	if (ends[0] < 0)
		set_up();
	first_free = fuzz_first_free();
	send_datagram(bytes + 2, size - 2, bytes[0] % (FDS_MAX + 1));
	leave_free(bytes[1] < FDS_MAX ? bytes[1] : -1);
	result = transfer_receive(ends[1], &message, fds, &n_fds);
	leave_free(-1);
	CHECK(n_fds <= PROTOCOL_FDS_MAX);
	if (result == 0)
		read_message(&message, fds, n_fds);
	else
		CHECK(n_fds == 0);
	if (result == -EMFILE) /* the message itself is there, and as good as any */
		CHECK(!message_check(&message, sizeof(message), message_fds(&message)));
	transfer_close(fds, n_fds);
	/* Nothing is left over: neither a descriptor nor a datagram. */
	CHECK(fuzz_first_free() == first_free);
	CHECK(transfer_receive(ends[1], &message, fds, &n_fds) == -EAGAIN);
	return 0;
}
