//! Clients that go away, send slowly, or read nothing; and a server that is stopped.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use idiolect_serve::ServeEvent;
use serde_json::json;

use crate::running::{Running, settings};

/// Sends a request and gives the connection.
fn sent(server: &Running, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    stream
}

/// A request for a lot of text.
fn long(stream: bool) -> String {
    json!({"prompt": "The sea", "n": 64, "max_tokens": 200, "ignore_eos": true, "stream": stream})
        .to_string()
}

#[test]
fn a_client_that_goes_away_ends_its_text() {
    let Some(settings) = settings() else { return };
    let server = Running::start(&settings);
    let began = Instant::now();
    let (status, _) = server.post("/v1/completions", &long(false), None);
    let whole = began.elapsed();
    assert_eq!(status, 200);
    for stream in [true, false] {
        let began = Instant::now();
        for _ in 0..4 {
            let mut client = sent(&server, &long(stream));
            if stream {
                let mut piece = [0; 256];
                assert!(client.read(&mut piece).unwrap() > 0);
            } else {
                std::thread::sleep(whole / 20);
            }
            drop(client);
        }
        assert_eq!(
            server.texts(&json!({"prompt": "x", "max_tokens": 1})).len(),
            1
        );
        let took = began.elapsed();
        assert!(
            took < whole * 2,
            "{took:?}, where one whole answer takes {whole:?}"
        );
    }
    let gone =
        |event: &ServeEvent| matches!(event, ServeEvent::Answered(answered) if !answered.whole);
    let gone = server
        .events
        .lock()
        .unwrap()
        .iter()
        .filter(|event| gone(event))
        .count();
    assert_eq!(gone, 8);
}

#[test]
fn who_reads_nothing_holds_up_nobody() {
    let Some(settings) = settings() else { return };
    let server = Running::start(&settings);
    let lazy = sent(&server, &long(true));
    let answer = server.texts(&json!({"prompt": "The day", "max_tokens": 3, "ignore_eos": true}));
    assert_eq!(answer.len(), 1);
    drop(lazy);
}

#[test]
fn who_sends_slowly_loses_the_connection_and_nobody_else_does() {
    let Some(mut settings) = settings() else {
        return;
    };
    settings.limits.client_timeout = Duration::from_millis(300);
    settings.limits.max_connections = 2;
    let server = Running::start(&settings);
    // A head that never ends, and a body that does not come: both places are taken.
    let mut head = TcpStream::connect(server.address).unwrap();
    head.write_all(b"POST /v1/completions HTTP/1.1\r\nhost: loc")
        .unwrap();
    let mut body = TcpStream::connect(server.address).unwrap();
    body.write_all(
        b"POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{",
    )
    .unwrap();
    let began = Instant::now();
    assert_eq!(
        server.texts(&json!({"prompt": "x", "max_tokens": 1})).len(),
        1
    );
    assert!(began.elapsed() < Duration::from_secs(20));
    let mut told = String::new();
    body.read_to_string(&mut told).unwrap();
    assert!(told.starts_with("HTTP/1.1 408"), "{told}");
    told.clear();
    // Closed, with a word or without.
    let _ = head.read_to_string(&mut told);
    assert!(!told.contains(" 200 "), "{told}");
}

#[test]
fn an_answer_that_takes_too_long_is_broken_off() {
    let Some(mut settings) = settings() else {
        return;
    };
    settings.limits.timeout = Duration::from_millis(100);
    let server = Running::start(&settings);
    let (status, answer) = server.post("/v1/completions", &long(false), None);
    assert_eq!(
        (status, &answer["error"]["type"]),
        (504, &json!("timeout_error"))
    );
    let mut client = sent(&server, &long(true));
    let mut told = String::new();
    client
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut piece = [0; 4096];
    while !told.contains("timeout_error") {
        let read = client.read(&mut piece).unwrap();
        assert!(read > 0, "{told}");
        told += &String::from_utf8_lossy(&piece[..read]);
    }
    assert!(told.starts_with("HTTP/1.1 200") && !told.contains("[DONE]"));
}

#[test]
fn a_server_that_is_stopped_says_so_to_whoever_waits() {
    let Some(settings) = settings() else { return };
    let mut server = Running::start(&settings);
    let mut streamed = sent(&server, &long(true));
    let mut first = [0; 64];
    assert!(streamed.read(&mut first).unwrap() > 0);
    let mut waits = sent(&server, &long(false));
    std::thread::sleep(Duration::from_millis(200));
    let began = Instant::now();
    server.stop().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
    let rest = |stream: &mut TcpStream| {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    let (streamed, waits) = (rest(&mut streamed), rest(&mut waits));
    assert!(streamed.contains("the server is stopping") && !streamed.contains("[DONE]"));
    assert!(waits.starts_with("HTTP/1.1 503"), "{waits}");
    assert!(TcpStream::connect(server.address).is_err());
    assert_eq!(
        server.events.lock().unwrap().last(),
        Some(&ServeEvent::Stopped)
    );
}
