//! The probes: programs that read or write what the test made, by plain means, and end well only where they reach it.
//!
//! Each knows `SECRET` (a file with `WORD`), `DIR` (its folder), `HOME`, `SHM`, `EXE`, `PORT`, `SOCKET`, `ABSTRACT` and
//! `PID` (a process of the test that runs in `DIR` and reads `SECRET`).

/// Programs by name.
pub(crate) const PROBES: [(&str, &str); 50] = [
    ("read", "assert open(SECRET).read() == WORD"),
    (
        "read upwards",
        "assert open('../' * 30 + SECRET[1:]).read() == WORD",
    ),
    (
        "read a link",
        "os.symlink(SECRET, 'l'); assert open('l').read() == WORD",
    ),
    (
        "read a hard link",
        "os.link(SECRET, 'h'); assert open('h').read() == WORD",
    ),
    (
        "read below a link",
        "os.symlink(DIR, 'd'); assert open('d/secret').read() == WORD",
    ),
    (
        "read below the own root",
        "assert open('/proc/self/root' + SECRET).read() == WORD",
    ),
    (
        "read above the own folder",
        "assert open('/proc/self/cwd/' + '../' * 30 + SECRET[1:]).read() == WORD",
    ),
    (
        "read below another's root",
        "assert open(f'/proc/{PID}/root{SECRET}').read() == WORD",
    ),
    (
        "read in another's folder",
        "assert open(f'/proc/{PID}/cwd/secret').read() == WORD",
    ),
    (
        "read another's file",
        "assert open(f'/proc/{PID}/fd/0').read() == WORD",
    ),
    (
        "read another's environment",
        "assert open(f'/proc/{PID}/environ').read()",
    ),
    (
        "read another's call",
        "assert open(f'/proc/{PID}/cmdline').read()",
    ),
    (
        "read an open file",
        "assert os.pread(9, 99, 0).decode() == WORD",
    ),
    ("look at an open file", "os.fstat(9)"),
    (
        "read in an open folder",
        "f = os.open(DIR, os.O_RDONLY); assert os.pread(os.open('secret', os.O_RDONLY, dir_fd=f), 9, 0)",
    ),
    (
        "read below an open root",
        "f = os.open('/', os.O_RDONLY); assert os.pread(os.open(SECRET[1:], os.O_RDONLY, dir_fd=f), 9, 0)",
    ),
    ("list a folder", "assert 'secret' in os.listdir(DIR)"),
    ("look at a file", "os.stat(SECRET)"),
    (
        "walk",
        "assert any('secret' in files for _, _, files in os.walk(os.path.dirname(DIR)))",
    ),
    (
        "read in the home",
        "assert open(HOME + '/.settings').read()",
    ),
    ("read in shared memory", "assert open(SHM).read() == WORD"),
    (
        "map into memory",
        "import mmap; f = open(SECRET, 'rb'); mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)",
    ),
    ("copy", "import shutil; shutil.copyfile(SECRET, 'copy')"),
    (
        "read by another program",
        "import subprocess; assert subprocess.check_output(['cat', SECRET]).decode() == WORD",
    ),
    (
        "read by the shell",
        "assert os.system('cp ' + SECRET + ' copy') == 0",
    ),
    (
        "import",
        "import sys; sys.dont_write_bytecode = True; sys.path.insert(0, DIR); import idiolect_probe",
    ),
    (
        "go there and read",
        "os.chdir(DIR); assert open('secret').read() == WORD",
    ),
    (
        "read the caller's program",
        "assert open(EXE, 'rb').read(4)",
    ),
    ("overwrite", "open(SECRET, 'w').write('x')"),
    ("append", "open(SECRET, 'a').write('x')"),
    ("make a file", "open(DIR + '/new', 'w').write('x')"),
    (
        "replace",
        "open('mine', 'w').close(); os.rename('mine', SECRET)",
    ),
    ("remove", "os.unlink(SECRET)"),
    ("cut", "os.truncate(SECRET, 0)"),
    ("change the mode", "os.chmod(SECRET, 0o600)"),
    ("change the time", "os.utime(SECRET, (0, 0))"),
    ("make a folder", "os.mkdir(DIR + '/new')"),
    ("make a link", "os.symlink('x', DIR + '/new')"),
    (
        "make a hard link",
        "open('mine', 'w').close(); os.link('mine', DIR + '/new')",
    ),
    ("write in shared memory", "open(SHM, 'a').write('x')"),
    (
        "write below the own root",
        "open('/proc/self/root' + SECRET, 'a').write('x')",
    ),
    (
        "write to the kernel",
        "open('/proc/self/comm', 'w').write('x')",
    ),
    (
        "connect",
        "socket.create_connection(('127.0.0.1', PORT), 1)",
    ),
    (
        "send",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT))",
    ),
    (
        "connect to a socket",
        "socket.socket(socket.AF_UNIX).connect(SOCKET)",
    ),
    (
        "connect to a name",
        "socket.socket(socket.AF_UNIX).connect(chr(0) + ABSTRACT)",
    ),
    ("look for a process", "os.kill(PID, 0)"),
    (
        "signal a process",
        "import signal; os.kill(PID, signal.SIGCONT)",
    ),
    ("slow a process", "os.setpriority(os.PRIO_PROCESS, PID, 1)"),
    (
        "read the environment",
        "assert os.environ['IDIOLECT_PROBES']",
    ),
];
