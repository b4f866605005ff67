"""Lets TorchSharp 0.107.0 load on a system whose libstdc++ ends before GLIBCXX_3.4.32 (Debian 12 ends at 3.4.30).

The only symbol of that version is std::ios_base_library_init(), which makes sure that the iostreams are initialised. This
marks the requirement weak in the built copy of libLibTorchSharp.so and compiles shim.so, which has the symbol; the bench
preloads shim.so when it lies beside the program.

usage: python3 debian12.py BUILD_FOLDER      (the folder with libLibTorchSharp.so; needs g++)
"""
import os
import struct
import subprocess
import sys

VERSION_NEEDS = 0x6FFFFFFE  # SHT_GNU_verneed
WEAK = 2                    # VER_FLG_WEAK


def mark_weak(path, wanted):
    data = bytearray(open(path, "rb").read())
    table, = struct.unpack_from("<Q", data, 0x28)
    size, count = struct.unpack_from("<HH", data, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + i * size) for i in range(count)]
    needs = next(s for s in sections if s[1] == VERSION_NEEDS)
    names, entry = sections[needs[6]][4], needs[4]
    for _ in range(needs[7]):
        _, versions, _, first, following = struct.unpack_from("<HHIII", data, entry)
        version = entry + first
        for _ in range(versions):
            _, flags, _, name, step = struct.unpack_from("<IHHII", data, version)
            if data[names + name:data.index(0, names + name)].decode() == wanted:
                struct.pack_into("<H", data, version + 4, flags | WEAK)
            version += step
        entry += following
    open(path, "wb").write(data)


folder = sys.argv[1]
mark_weak(os.path.join(folder, "libLibTorchSharp.so"), "GLIBCXX_3.4.32")
source = "#include <iostream>\nnamespace std { void ios_base_library_init(); void ios_base_library_init() {} }\n"
subprocess.run(["g++", "-O2", "-shared", "-fPIC", "-x", "c++", "-", "-o", os.path.join(folder, "shim.so")], input=source, text=True, check=True)
