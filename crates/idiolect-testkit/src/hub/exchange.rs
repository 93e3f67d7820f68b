//! Requests and answers as bytes on a connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use super::answer::answer;
use super::message::{Asked, Reply};
use super::state::State;

/// One request, one answer, and the connection is closed. A client that goes away is let go.
pub(super) fn serve(state: &State, stream: &TcpStream) {
    if let Some(asked) = read(stream) {
        if let Ok(mut all) = state.asked.lock() {
            all.push(asked.clone());
        }
        let reply = (state.fault)(&asked, answer(state, &asked));
        let _ = write(stream, &asked, &reply);
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.by_ref().take(1 << 16).read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut first = lines.first()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let head = lines[1..].iter().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_lowercase(), value.trim().to_owned()))
    });
    let mut asked = Asked {
        method,
        path,
        head: head.collect(),
        body: Vec::new(),
    };
    let length = asked
        .header("content-length")
        .and_then(|text| text.parse().ok());
    reader
        .take(length.unwrap_or(0))
        .read_to_end(&mut asked.body)
        .ok()?;
    Some(asked)
}

fn write(mut stream: &TcpStream, asked: &Asked, reply: &Reply) -> std::io::Result<()> {
    let mut head = format!(
        "HTTP/1.1 {} X\r\nContent-Length: {}\r\nConnection: close\r\n",
        reply.status,
        reply.body.len()
    );
    for (name, value) in &reply.head {
        head.extend([name, ": ", value, "\r\n"]);
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    if asked.method != "HEAD" {
        let end = reply.cut.unwrap_or(reply.body.len()).min(reply.body.len());
        stream.write_all(&reply.body[..end])?;
    }
    stream.flush()
}
