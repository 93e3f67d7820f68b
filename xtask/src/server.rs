//! The tests against a real server: llama.cpp's, out of a Python package, with the small real model.
//!
//! A server that cannot be had is said and no failure; a test that fails is one.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::python;
use crate::shell::{self, Outcome, TESTED, program, run};

const PACKAGE: &str = "xllamacpp==2026.10.11549";
/// How long the server may take to read its model.
const PATIENCE: Duration = Duration::from_mins(1);

/// Starts the server on `model`, runs the tests that ask one, built with the `features` given, and ends it.
pub(crate) fn test(model: &Path, features: Option<&str>) -> Outcome {
    let server = match Server::start(model) {
        Ok(server) => server,
        Err(message) => {
            println!("the tests against a real server are skipped: {message}");
            return Ok(());
        }
    };
    println!("llama.cpp serves {} at {}", model.display(), server.url);
    run(&mut tests(&server.url, features))
}

/// All of the workspace is built, for a part of it would be built with other features.
fn tests(url: &str, features: Option<&str>) -> Command {
    let mut tests = shell::cargo(&["test", TESTED, "--workspace", "--locked"]);
    tests
        .args(features)
        .args([
            "--test",
            "llama_cpp",
            "--test",
            "teacher",
            "--test",
            "writing",
        ])
        .args(["--", "--nocapture", "real_server"])
        .env("IDIOLECT_OPENAI_URL", url);
    tests
}

/// A server on loopback, killed when it is dropped.
struct Server {
    child: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Either fails only where it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(model: &Path) -> Outcome<Self> {
        let python = environment()?;
        let port = free_port().map_err(|e| format!("no free port: {e}"))?;
        let mut command = program(&python, &["crates/idiolect-teacher/tests/serve.py"]);
        command.arg(model).arg(port.to_string());
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("{}: {e}", python.display()))?;
        let url = format!("http://127.0.0.1:{port}/v1");
        let mut server = Self { child, url };
        server.wait(port).map(|()| server)
    }

    fn wait(&mut self, port: u16) -> Outcome {
        let began = Instant::now();
        while !is_ready(port) {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("the server ended: {status}"));
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("the server was not ready in {PATIENCE:?}"));
            }
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

/// An environment with the package; returns its Python.
pub(crate) fn environment() -> Outcome<PathBuf> {
    let wanted = ["--no-deps", "--only-binary", ":all:", PACKAGE];
    python::environment("target/llama", &wanted)
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Whether the server answers that it is well.
fn is_ready(port: u16) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /health HTTP/1.0\r\nhost: localhost\r\n\r\n")?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        std::io::Result::Ok(head)
    };
    ask().is_ok_and(|head| head.ends_with(b"200"))
}
