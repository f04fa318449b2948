#include "steering.h"

#include "allowed.h"
#include "core/address.h"
#include "log.h"
#include "net_table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Each has a program, of which the kernel runs 64 at most. */
#define GROUPS_MAX 16

/* What a client asks for: each field of the lookup, as far as the mask says, is this value. */
struct test {
	int16_t offset;
	uint32_t mask, value;
};

enum { TEST_FAMILY, TEST_PROTOCOL, TEST_PORT, TEST_IP4, TEST_IP6, TESTS = TEST_IP6 + 4 };

static int links[GROUPS_MAX];
static unsigned n_links;

static int bpf(enum bpf_cmd command, union bpf_attr *attributes)
{
	if (!call_is_allowed(OPTIONAL_BPF)) {
		errno = EPERM;
		return -1;
	}
	return (int)syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

static bool is_wildcard(const struct sockaddr *address)
{
	const struct sockaddr_in *in = (const void *)address;
	const struct sockaddr_in6 *in6 = (const void *)address;

	return address->sa_family == AF_INET ? in->sin_addr.s_addr == INADDR_ANY :
					       IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);
}

static bool is_of_ipv4(const struct sockaddr *address)
{
	const struct sockaddr_in6 *in6 = (const void *)address;

	return address->sa_family == AF_INET || IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
}

/*
 * How many listen at this address, and how many at its port on another. The kernel has the listeners
 * first in its tables. One of the other family counts if it has clients of IPv4: it may be of the group.
 */
static unsigned count_listeners(const char *table, const struct sockaddr *address, unsigned *n_others)
{
	FILE *file = fopen(table, "re");
	char line[512];
	struct net_inet socket;
	const struct sockaddr *other = (const struct sockaddr *)&socket.address;
	unsigned n = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (!net_parse_inet(line, strchr(table, '6') != NULL, &socket))
			continue;
		if (socket.state != TCP_LISTEN)
			break;
		if (address_port(other) != address_port(address))
			continue;
		if (other->sa_family != address->sa_family)
			n += is_of_ipv4(other);
		else if (address_equal(other, address))
			n++;
		else
			(*n_others)++;
	}
	if (file)
		fclose(file);
	return n;
}

/* The program knows neither devices nor that a listener on one address comes before one on all. */
static bool is_alone(const struct steering *steering)
{
	const struct sockaddr *address = steering->address;
	bool is_v6 = address->sa_family == AF_INET6;
	unsigned n_others = 0, n = count_listeners("/proc/net/tcp6", address, &n_others);

	if (!is_v6 || (!steering->v6only && is_wildcard(address)))
		n += count_listeners("/proc/net/tcp", address, &n_others);
	return n == steering->n_all && (!n_others || !is_wildcard(address));
}

static int map_new(const struct steering *steering)
{
	union bpf_attr attributes;
	int map;
	bool is_done;

	memset(&attributes, 0, sizeof(attributes));
	attributes.map_type = BPF_MAP_TYPE_SOCKMAP;
	attributes.key_size = sizeof(uint32_t);
	attributes.value_size = sizeof(uint32_t);
	attributes.max_entries = steering->n_fds;
	map = bpf(BPF_MAP_CREATE, &attributes);
	is_done = map >= 0;
	for (uint32_t i = 0; is_done && i < steering->n_fds; i++) {
		memset(&attributes, 0, sizeof(attributes));
		attributes.map_fd = (uint32_t)map;
		attributes.key = (uintptr_t)&i;
		attributes.value = (uintptr_t)&steering->fds[i];
		is_done = bpf(BPF_MAP_UPDATE_ELEM, &attributes) == 0;
	}
	if (is_done || map < 0)
		return map;
	close(map);
	return -1;
}

static void make_tests(const struct steering *steering, struct test tests[TESTS])
{
	const struct sockaddr_in *in = (const void *)steering->address;
	const struct sockaddr_in6 *in6 = (const void *)steering->address;
	bool is_v6 = in->sin_family == AF_INET6, is_any = is_wildcard(steering->address);
	uint32_t word;

	memset(tests, 0, TESTS * sizeof(*tests));
	tests[TEST_FAMILY] = (struct test){ offsetof(struct bpf_sk_lookup, family),
					    is_v6 && is_any && !steering->v6only ? 0 : UINT32_MAX,
					    in->sin_family };
	tests[TEST_PROTOCOL] = (struct test){ offsetof(struct bpf_sk_lookup, protocol), UINT32_MAX,
					      IPPROTO_TCP };
	tests[TEST_PORT] = (struct test){ offsetof(struct bpf_sk_lookup, local_port), UINT32_MAX,
					  ntohs(in->sin_port) };
	tests[TEST_IP4] = (struct test){ offsetof(struct bpf_sk_lookup, local_ip4),
					 is_v6 || is_any ? 0 : UINT32_MAX, in->sin_addr.s_addr };
	for (int i = 0; i < 4; i++) {
		memcpy(&word, &in6->sin6_addr.s6_addr[is_v6 ? 4 * i : 0], sizeof(word));
		tests[TEST_IP6 + i] =
			(struct test){ (int16_t)(offsetof(struct bpf_sk_lookup, local_ip6) + 4 * i),
				       is_v6 && !is_any ? UINT32_MAX : 0, word };
	}
	for (int i = 0; i < TESTS; i++)
		tests[i].value &= tests[i].mask;
}

#define INSN(code, dst, src, off, imm) { code, dst, src, off, (int32_t)(imm) }
#define LOAD(dst, src, off) INSN(BPF_LDX | BPF_MEM | BPF_W, dst, src, off, 0)
#define MOVE(dst, src) INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define SET(dst, imm) INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm)
#define CALL(function) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, function)
#define PASS SET(0, SK_PASS), INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define PER_TEST 3

/* Registers: 6 has the lookup, 7 the listener. What is no such client goes its usual way. */
static int program_new(const struct steering *steering, int map)
{
	struct bpf_insn choose[] = {
		CALL(BPF_FUNC_get_prandom_u32),
		INSN(BPF_ALU | BPF_MOD | BPF_K, 0, 0, 0, steering->n_fds),
		INSN(BPF_STX | BPF_MEM | BPF_W, 10, 0, -4, 0),
		INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		MOVE(2, 10),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
		CALL(BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 0, 0, 2, 0),
		PASS,
		MOVE(7, 0),
		MOVE(1, 6),
		MOVE(2, 7),
		SET(3, BPF_SK_LOOKUP_F_NO_REUSEPORT),
		CALL(BPF_FUNC_sk_assign),
		MOVE(1, 7),
		CALL(BPF_FUNC_sk_release),
	};
	struct bpf_insn out[] = { PASS };
	enum { N_CHOOSE = sizeof(choose) / sizeof(*choose), AT_OUT = 1 + TESTS * PER_TEST + N_CHOOSE };
	struct bpf_insn program[AT_OUT + 2] = { MOVE(6, 1) };
	struct test tests[TESTS];

	make_tests(steering, tests);
	for (int i = 0; i < TESTS; i++) {
		int at = 1 + i * PER_TEST;
		struct bpf_insn test[PER_TEST] = {
			LOAD(2, 6, tests[i].offset),
			INSN(BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, tests[i].mask),
			INSN(BPF_JMP32 | BPF_JNE | BPF_K, 2, 0, (int16_t)(AT_OUT - (at + PER_TEST)),
			     tests[i].value),
		};

		memcpy(&program[at], test, sizeof(test));
	}
	memcpy(&program[AT_OUT - N_CHOOSE], choose, sizeof(choose));
	memcpy(&program[AT_OUT], out, sizeof(out));

	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = BPF_PROG_TYPE_SK_LOOKUP;
	attributes.expected_attach_type = BPF_SK_LOOKUP;
	attributes.insns = (uintptr_t)program;
	attributes.insn_cnt = sizeof(program) / sizeof(*program);
	attributes.license = (uintptr_t) "ISC";
	return bpf(BPF_PROG_LOAD, &attributes);
}

/* As long as this descriptor is open, the program is asked. */
static int link_new(int program)
{
	union bpf_attr attributes;
	int network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), link;

	if (network < 0)
		return -1;
	memset(&attributes, 0, sizeof(attributes));
	attributes.link_create.prog_fd = (uint32_t)program;
	attributes.link_create.target_fd = (uint32_t)network;
	attributes.link_create.attach_type = BPF_SK_LOOKUP;
	link = bpf(BPF_LINK_CREATE, &attributes);
	close(network);
	return link;
}

static int start(const struct steering *steering)
{
	int map = map_new(steering), program = -1, link = -1;

	/* The tables are read only where the rest may be. */
	if (map >= 0 && is_alone(steering))
		program = program_new(steering, map);
	if (program >= 0)
		link = link_new(program);
	if (program >= 0)
		close(program);
	if (map >= 0)
		close(map);
	return link;
}

bool steering_add(const struct steering *steering)
{
	char text[ADDRESS_TEXT_MAX];
	bool is_v6 = steering->address->sa_family == AF_INET6;
	int link;

	/* A client of IPv4 does not ask for an address of IPv6. */
	if (n_links == GROUPS_MAX || (is_v6 && is_of_ipv4(steering->address)))
		return false;
	link = start(steering);
	log_line(LOG_LEVEL_DEBUG,
		 link < 0 ? "%s: clients cannot be sent to %u of %u listeners" :
			    "%s: clients go to %u of %u listeners",
		 address_format(steering->address, text, sizeof(text)), steering->n_fds, steering->n_all);
	if (link >= 0)
		links[n_links++] = link;
	return link >= 0;
}

void steering_end(void)
{
	while (n_links)
		close(links[--n_links]);
}
