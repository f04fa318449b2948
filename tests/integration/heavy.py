"""heavy.py PROGRAM [ARG...]: becomes the program, with a file of 256 MiB of memory open.

What it has locked before, by a descriptor with a lower number, is free only when that memory is: the kernel closes
the files of a process that ends one by one, those with the lowest numbers last.
"""
import os
import sys

file = os.memfd_create("heavy", 0)
for _ in range(256):
    os.write(file, bytes(1 << 20))
os.execv(sys.argv[1], sys.argv[1:])
