# Behind a line with MEMORY, PROCESSES and FILES: goes against each limit, and fails with the names of those that held.
import os
import socket
import time

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
try:
    open("../program.py", "a").close()
except OSError:
    held.append("folders")
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
