"""clients.py PORT COUNT DIRECTORY: so many connections that stay open; says what each of them sees.

As soon as the file `ask` is in DIRECTORY, each asks; as soon as `end` is there, all close. The answers
so far are in `answers`: "TAG COUNT" lines, and "none COUNT" of those that wait for one.
"""
import os
import select
import socket
import sys
import time

port, count, directory = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
clients, answers = [], {}


def here(name):
    return os.path.exists(f'{directory}/{name}')


def ask():
    answers.clear()
    for client in clients:
        try:
            client.sendall(b'hello\n')
        except OSError as error:
            answers[client] = type(error).__name__


def look():
    for client in select.select([c for c in clients if c not in answers], [], [], 0.02)[0]:
        try:
            answers[client] = (client.recv(100) or b'empty').split()[0].decode()
        except OSError as error:
            answers[client] = type(error).__name__


def tell():
    words = [answers.get(client, 'none') for client in clients]
    with open(f'{directory}/answers.new', 'w', encoding='ascii') as file:
        for word in sorted(set(words)):
            print(word, words.count(word), file=file)
    os.rename(f'{directory}/answers.new', f'{directory}/answers')


for _ in range(count):
    clients.append(socket.create_connection(('127.0.0.1', port), 10))
ask()
end = time.monotonic() + 60
while not here('end') and time.monotonic() < end:
    if here('ask'):
        os.unlink(f'{directory}/ask')
        ask()
    look()
    tell()
