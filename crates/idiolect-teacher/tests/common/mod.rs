//! A server on loopback that misbehaves as it is told to.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end them, and not every test uses all of them"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// A request as the server got it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its number, from 0, in the order of arrival.
    pub number: usize,
    /// Method and path.
    pub line: String,
    /// Lines of the head, in lower case.
    pub head: Vec<String>,
    pub body: Value,
}

impl Asked {
    /// What the model is shown last.
    pub fn shown(&self) -> String {
        let turns = self.body["messages"].as_array();
        let turn = turns.and_then(|turns| turns.last()?["content"].as_str());
        turn.or(self.body["prompt"].as_str())
            .unwrap_or_default()
            .to_owned()
    }
}

/// What the server does.
#[derive(Debug, Clone)]
pub enum Act {
    /// Status, further lines of the head, body.
    Reply(u16, &'static str, String),
    /// The first half of a good answer, and the line is dead.
    CutOff,
    /// Nothing, and the line is dead.
    Drop,
    /// A good head, then a byte of the body each time.
    Drip(Duration, String),
    /// Waits first.
    Slow(Duration, Box<Act>),
}

impl Act {
    /// A completion in the form that was asked for.
    pub fn text(asked: &Asked, text: &str) -> Self {
        let choice = if asked.line.contains("chat") {
            json!({"message": {"role": "assistant", "content": text}, "finish_reason": "stop"})
        } else {
            json!({"text": text, "finish_reason": "stop"})
        };
        let usage = json!({"prompt_tokens": 10, "completion_tokens": 5});
        Self::Reply(
            200,
            "",
            json!({"choices": [choice], "usage": usage}).to_string(),
        )
    }
}

/// A server that runs until the process ends.
pub struct Server {
    pub url: String,
    pub asked: Arc<Mutex<Vec<Asked>>>,
    /// The most requests that it had at once.
    pub at_once: Arc<AtomicUsize>,
}

impl Server {
    pub fn start(act: impl Fn(&Asked) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            url: format!("http://{}/v1", listener.local_addr().unwrap()),
            asked: Arc::default(),
            at_once: Arc::default(),
        };
        let (asked, most) = (server.asked.clone(), server.at_once.clone());
        let (act, now) = (Arc::new(act), Arc::new(AtomicUsize::new(0)));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (asked, most) = (asked.clone(), most.clone());
                let (act, now) = (act.clone(), now.clone());
                thread::spawn(move || {
                    let stream = stream.unwrap();
                    let Some(request) = read(&stream, &asked) else {
                        return;
                    };
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    let act = act(&request);
                    let act = waited(act);
                    now.fetch_sub(1, Ordering::SeqCst);
                    answer(stream, &request, act);
                });
            }
        });
        server
    }

    pub fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn waited(act: Act) -> Act {
    match act {
        Act::Slow(time, act) => {
            thread::sleep(time);
            waited(*act)
        }
        act => act,
    }
}

fn read(stream: &TcpStream, all: &Mutex<Vec<Asked>>) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let head: Vec<_> = lines[1..].iter().map(|line| line.to_lowercase()).collect();
    let length = head
        .iter()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    let mut all = all.lock().unwrap();
    let request = Asked {
        number: all.len(),
        line: lines[0].clone(),
        head,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    };
    all.push(request.clone());
    Some(request)
}

/// The client may have gone away; that is its affair.
fn answer(mut stream: TcpStream, request: &Asked, act: Act) {
    if let Act::Drip(pause, body) = act {
        return drip(&stream, pause, &body);
    }
    let (status, head, body, sent) = match act {
        Act::Reply(status, head, body) => (status, head, body, 1.0),
        Act::CutOff => match Act::text(request, "half an answer") {
            Act::Reply(status, head, body) => (status, head, body, 0.5),
            _ => unreachable!(),
        },
        Act::Drop | Act::Slow(..) | Act::Drip(..) => return,
    };
    let length = body.len();
    let bytes = &body.as_bytes()[..if sent < 1.0 { length / 2 } else { length }];
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{head}\r\n"
    );
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(bytes));
}

fn drip(mut stream: &TcpStream, pause: Duration, body: &str) {
    let head = format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut written = stream.write_all(head.as_bytes());
    for byte in body.as_bytes() {
        thread::sleep(pause);
        written = written.and_then(|()| stream.write_all(&[*byte]));
    }
}
