#include "net_table.h"

#include "core/address.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

/* As Linux 6.18 writes them. */
static const char tcp_heading[] =
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
static const char tcp_line[] =
	"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 16893 1 "
	"00000000a898d25d 100 0 0 10 0                    \n";
static const char tcp6_line[] =
	"   1: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A "
	"00000000:00000000 00:00000000 00000000     0        0 1593 1 00000000a898d25d 100 0 0 10 0\n";
static const char udp_line[] =
	" 2031: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 77 2 "
	"0000000000000000 0\n";
static const char unix_heading[] = "Num       RefCount Protocol Flags    Type St Inode Path\n";

static struct net_inet inet;
static struct net_unix local;
static char text[ADDRESS_TEXT_MAX];

static const char *address_text(void)
{
	return address_format((const struct sockaddr *)&inet.address, text, sizeof(text));
}

Test(net_table, reads_a_listener)
{
	cr_assert(net_parse_inet(tcp_line, false, &inet));
	cr_assert_str_eq(address_text(), "127.0.0.1:8080");
	cr_assert_eq(inet.state, TCP_LISTEN);
	cr_assert_eq(inet.inode, 16893);
}

Test(net_table, reads_an_ipv6_listener)
{
	cr_assert(net_parse_inet(tcp6_line, true, &inet));
	cr_assert_str_eq(address_text(), "[::1]:22");
	cr_assert_eq(inet.state, TCP_LISTEN);
	cr_assert_eq(inet.inode, 1593);
}

Test(net_table, reads_a_datagram_socket)
{
	cr_assert(net_parse_inet(udp_line, false, &inet));
	cr_assert_str_eq(address_text(), "0.0.0.0:53");
	cr_assert_eq(inet.state, TCP_CLOSE);
	cr_assert_eq(inet.inode, 77);
}

Test(net_table, takes_nothing_else_for_a_socket)
{
	cr_assert_not(net_parse_inet(tcp_heading, false, &inet));
	cr_assert_not(net_parse_inet(tcp_heading, true, &inet));
	cr_assert_not(net_parse_inet(tcp_line, true, &inet));
	cr_assert_not(net_parse_inet("", false, &inet));
	cr_assert_not(net_parse_inet("\n", false, &inet));
	cr_assert_not(net_parse_inet("   0: 0100007F:1F90 00000000:0000 0A", false, &inet));
	cr_assert_not(net_parse_unix(unix_heading, &local));
	cr_assert_not(net_parse_unix("", &local));
	cr_assert_not(net_parse_unix("0000000000000000: 00000002 00000000 00010000 0005 01\n", &local));
}

Test(net_table, reads_a_unix_listener)
{
	cr_assert(net_parse_unix("0000000000000000: 00000002 00000000 00010000 0005 01 70931 @flip/0/web\n",
				 &local));
	cr_assert(local.is_listening);
	cr_assert_eq(local.type, SOCK_SEQPACKET);
	cr_assert_eq(local.inode, 70931);
	cr_assert_str_eq(local.address, "@flip/0/web");
}

Test(net_table, reads_a_connected_unix_socket)
{
	cr_assert(net_parse_unix("00000000f1c9ecbf: 00000003 00000000 00000000 0001 03  1590 /run/a b \n",
				 &local));
	cr_assert_not(local.is_listening);
	cr_assert_eq(local.type, SOCK_STREAM);
	cr_assert_eq(local.inode, 1590);
	cr_assert_str_eq(local.address, "/run/a b ");
}

Test(net_table, reads_a_unix_socket_without_an_address)
{
	cr_assert(net_parse_unix("0000000048861c90: 00000003 00000000 00000000 0002 01  1589\n", &local));
	cr_assert_eq(local.inode, 1589);
	cr_assert_str_eq(local.address, "");
	cr_assert(net_parse_unix("0000000048861c90: 00000003 00000000 00000000 0002 01  1589", &local));
	cr_assert_str_eq(local.address, "");
}

Test(net_table, takes_the_longest_address_whole)
{
	static const char head[] = "0: 00000002 00000000 00010000 0001 01 1 ";
	char line[sizeof(head) + sizeof(local.address)];

	memset(line, 'x', sizeof(line));
	memcpy(line, head, sizeof(head) - 1);
	line[sizeof(line) - 2] = '\0';
	cr_assert(net_parse_unix(line, &local));
	cr_assert_eq(strlen(local.address), 108);
	line[sizeof(line) - 2] = 'x';
	line[sizeof(line) - 1] = '\0';
	cr_assert_not(net_parse_unix(line, &local));
}
