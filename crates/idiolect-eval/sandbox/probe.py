# Behind a line with MEMORY, PROCESSES, FILES and OUTSIDE, a file that all may read and write in a folder of the
# caller: goes against each limit, and fails with the names of those that held.
import os
import socket
import time


def refused(path, mode):
    try:
        open(path, mode).close()
    except OSError:
        return True
    return False


held = []
try:
    bytearray(MEMORY)
except MemoryError:
    held.append("memory")
try:
    with open("large", "wb") as file:
        file.write(bytes(FILES + 1))
except OSError:
    held.append("files")
if all(refused(path, "a") for path in ("../program.py", OUTSIDE, OUTSIDE + ".new")):
    held.append("folders")
if all(refused(path, "r") for path in (OUTSIDE, "/etc/passwd", "/proc/self/status")):
    held.append("reading")
if {name for _, name in socket.if_nameindex()} <= {"lo"}:
    held.append("network")
try:
    # The first process counts too, so that the last of these is one too many.
    for _ in range(PROCESSES):
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
except OSError:
    held.append("processes")
raise Exception(" ".join(held))
