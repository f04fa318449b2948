"""A server of datagrams that are sent to multicast groups, and its clients.

multicast.py serve early|late TAG-FILE FAIL-FILE: has a socket for each way to join, and joins two groups on each,
before bind() or after it: one that every version has, and one of this version (vN). Answers "TAG TEXT" to TEXT.
It fails to start, once it has joined all and left what all versions join, if FAIL-FILE exists.

multicast.py ask STOP-FILE TIMEOUT: until that file exists asks in the group of all versions, each way in turn.
Prints each version when it first answers, and in the end how many queries each has answered; exits with 1 as
soon as one is not.

multicast.py own N: asks once in the group of version N, each way, and prints who answers.
"""
import collections
import os
import select
import socket
import struct
import sys

LO = socket.if_nametoindex("lo")
LOCALHOST = socket.inet_aton("127.0.0.1")
MCAST_JOIN_GROUP, MCAST_JOIN_SOURCE_GROUP = 42, 46
IP_MULTICAST_ALL, IPV6_MULTICAST_ALL = 49, 29


def storage(family, group):
    """As struct sockaddr_storage."""
    if family == socket.AF_INET:
        return struct.pack("=HH4s", family, 0, socket.inet_aton(group)).ljust(128, b"\0")
    return struct.pack("=HHI16s", family, 0, 0, socket.inet_pton(family, group)).ljust(128, b"\0")


def membership(family, group):
    return socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + LOCALHOST


def source_membership(family, group):
    return socket.IPPROTO_IP, 39, socket.inet_aton(group) + LOCALHOST + LOCALHOST


def join_6(family, group):
    return socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(family, group) + struct.pack("=I", LO)


def level(family):
    return socket.IPPROTO_IP if family == socket.AF_INET else socket.IPPROTO_IPV6


def join_group(family, group):
    return level(family), MCAST_JOIN_GROUP, struct.pack("=Q", LO) + storage(family, group)


def join_source(family, group):
    source = "127.0.0.1" if family == socket.AF_INET else "::1"
    return (level(family), MCAST_JOIN_SOURCE_GROUP,
            struct.pack("=Q", LO) + storage(family, group) + storage(family, source))


WAYS = ((socket.AF_INET, membership), (socket.AF_INET, source_membership), (socket.AF_INET, join_group),
        (socket.AF_INET, join_source), (socket.AF_INET6, join_6), (socket.AF_INET6, join_group),
        (socket.AF_INET6, join_source))


# How each is left: the same with another option.
LEAVE = {socket.IP_ADD_MEMBERSHIP: socket.IP_DROP_MEMBERSHIP, 39: 40, MCAST_JOIN_GROUP: 45, MCAST_JOIN_SOURCE_GROUP: 47,
         socket.IPV6_JOIN_GROUP: socket.IPV6_LEAVE_GROUP}


def group_of(way, version):
    return f"239.77.{way}.{version}" if WAYS[way][0] == socket.AF_INET else f"ff01::77:{way}:{version}"


def server_socket(way, is_early, version):
    family, join = WAYS[way]
    server = socket.socket(family, socket.SOCK_DGRAM)
    # Without that a socket hears what any other has joined.
    server.setsockopt(level(family), IP_MULTICAST_ALL if family == socket.AF_INET else IPV6_MULTICAST_ALL, 0)

    def join_all():
        for group in group_of(way, 0), group_of(way, version):
            server.setsockopt(*join(family, group))

    if is_early:
        join_all()
    server.bind(("" if family == socket.AF_INET else "::", 8080 + way))
    if not is_early:
        join_all()
    return server


def serve(when, tag_file, fail_file):
    with open(tag_file, encoding="ascii") as file:
        tag = file.read().strip()
    servers = [server_socket(way, when == "early", int(tag[1:])) for way in range(len(WAYS))]
    if os.path.exists(fail_file):
        for way, server in enumerate(servers):
            family, join = WAYS[way]
            protocol, option, value = join(family, group_of(way, 0))
            server.setsockopt(protocol, LEAVE[option], value)
        sys.exit("told to fail")
    for server in servers:
        server.setblocking(False)
    while True:
        for server in select.select(servers, [], [])[0]:
            try:
                text, client = server.recvfrom(1024)
            except BlockingIOError:
                continue
            server.sendto(tag.encode() + b" " + text, client)


def client_of(way, timeout):
    client = socket.socket(WAYS[way][0], socket.SOCK_DGRAM)
    client.settimeout(timeout)
    if WAYS[way][0] == socket.AF_INET:
        client.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, LOCALHOST)
        client.bind(("127.0.0.1", 0))
    else:
        client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, LO)
        client.bind(("::1", 0))
    return client


def query(client, way, version, text):
    client.sendto(text, (group_of(way, version), 8080 + way))
    tag, answer = client.recv(1024).split(b" ", 1)
    assert answer == text
    return tag.decode()


def ask(stop_file, timeout):
    clients = [client_of(way, float(timeout)) for way in range(len(WAYS))]
    answers = collections.Counter()
    while not os.path.exists(stop_file):
        for way, client in enumerate(clients):
            tag = query(client, way, 0, b"%d" % answers.total())
            if tag not in answers:
                print(tag, flush=True)
            answers[tag] += 1
    print("answered", *(f"{tag}={n}" for tag, n in sorted(answers.items())))


def own(version):
    print(*(query(client_of(way, 1), way, version, b"hello") for way in range(len(WAYS))))


what, *arguments = sys.argv[1:]
{"serve": serve, "ask": ask, "own": own}[what](*arguments)
