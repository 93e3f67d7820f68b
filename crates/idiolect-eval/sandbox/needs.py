# Says which folders this Python needs to run: its library, and those of the shared objects that it loads.
import os
import sysconfig

for name in ("bz2", "ctypes", "decimal", "hashlib", "lzma", "sqlite3", "ssl", "zlib"):
    try:
        __import__(name)
    except ImportError:
        pass
needs = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
    for line in maps:
        path = line.rstrip("\n")[line.find("/"):] if "/" in line else ""
        if ".so" in os.path.basename(path):
            needs.add(os.path.dirname(path))
print("\n".join(sorted(needs)))
