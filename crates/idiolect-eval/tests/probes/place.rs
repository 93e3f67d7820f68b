//! What the test makes for the probes to reach, and what it looks like afterwards.

use std::fs::{self, File, Permissions};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const WORD: &str = "the word";

/// Files, listeners and a process of the one who calls the sandbox.
pub(crate) struct Place {
    dir: PathBuf,
    shm: PathBuf,
    name: String,
    port: u16,
    process: Child,
    _listeners: (TcpListener, UnixListener, UnixListener),
}

impl Place {
    /// In a folder that the caller may write to.
    pub(crate) fn new(folder: &Path) -> Self {
        let dir = folder.join("outside");
        let name = format!("idiolect-probes-{}", std::process::id());
        make(&dir);
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let place = Self {
            shm: Path::new("/dev/shm").join(&name),
            port: tcp.local_addr().unwrap().port(),
            process: Command::new("sleep")
                .arg("600")
                .current_dir(&dir)
                .stdin(File::open(dir.join("secret")).unwrap())
                .stdout(Stdio::null())
                .spawn()
                .unwrap(),
            _listeners: (
                tcp,
                UnixListener::bind(folder.join("socket")).unwrap(),
                UnixListener::bind_addr(&address).unwrap(),
            ),
            name,
            dir,
        };
        place.renew();
        place
    }

    /// As it was before any probe.
    pub(crate) fn renew(&self) {
        make(&self.dir);
        fs::write(&self.shm, WORD).unwrap();
    }

    /// The folder in which a probe without a sandbox works.
    pub(crate) fn work(&self) -> PathBuf {
        self.dir.join("work")
    }

    /// A probe with all that it knows.
    pub(crate) fn program(&self, probe: &str) -> String {
        let text = |path: &Path| format!("{:?}", path.to_str().unwrap());
        let exe = std::env::current_exe().unwrap();
        let parent = self.dir.parent().unwrap();
        format!(
            "import os, socket\nWORD, DIR, SECRET = {WORD:?}, {}, {}\nHOME, SHM, EXE = {}, {}, {}\n\
             SOCKET, ABSTRACT, PORT, PID = {}, {:?}, {}, {}\n{probe}\n",
            text(&self.dir),
            text(&self.dir.join("secret")),
            text(&self.dir.join("home")),
            text(&self.shm),
            text(&exe),
            text(&parent.join("socket")),
            self.name,
            self.port,
            self.process.id(),
        )
    }

    /// Whether all is as it was made.
    pub(crate) fn is_untouched(&self) -> bool {
        let mut names: Vec<_> = fs::read_dir(&self.dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let secret = self.dir.join("secret");
        names == ["home", "idiolect_probe.py", "secret", "work"]
            && fs::read_dir(self.work()).unwrap().next().is_none()
            && fs::metadata(&secret).unwrap().permissions().mode() & 0o777 == 0o666
            && [&secret, &self.shm].map(|path| fs::read_to_string(path).unwrap()) == [WORD, WORD]
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_file(&self.shm);
    }
}

fn make(dir: &Path) {
    let _ = fs::remove_dir_all(dir.join("work"));
    for name in ["new", "secret"] {
        let _ = fs::remove_file(dir.join(name)).or_else(|_| fs::remove_dir(dir.join(name)));
    }
    for folder in ["", "home", "work"] {
        fs::create_dir_all(dir.join(folder)).unwrap();
        open_to_all(&dir.join(folder), 0o777);
    }
    for (name, text) in [
        ("secret", WORD),
        ("home/.settings", "a = 1"),
        ("idiolect_probe.py", ""),
    ] {
        fs::write(dir.join(name), text).unwrap();
        open_to_all(&dir.join(name), 0o666);
    }
}

/// Whoever calls this may not be the one who made it.
fn open_to_all(path: &Path, mode: u32) {
    if fs::metadata(path).unwrap().permissions().mode() & 0o777 != mode {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
}
