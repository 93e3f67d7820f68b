//! A server that lives as long as a call, and whose answers may be damaged.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use idiolect::BoxError;

/// Calls with the address of a server that sends, for the first line of each request, the bytes of `answer`.
pub(crate) fn during<T>(
    answer: impl Fn(&str) -> Vec<u8> + Sync,
    call: impl FnOnce(&str) -> Result<T, BoxError>,
) -> Result<T, BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for stream in listener.incoming().flatten() {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                // A client that goes away is let go.
                let _ = exchange(stream, &answer);
            }
        });
        let done = call(&format!("http://{address}"));
        is_over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(address));
        done
    })
}

/// One request and one answer.
fn exchange(mut stream: TcpStream, answer: impl Fn(&str) -> Vec<u8>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut first)?;
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    reader.read_exact(&mut vec![0; length])?;
    stream.write_all(&answer(first.trim()))
}
