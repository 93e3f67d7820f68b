//! A server that is started, asked and stopped as a user does.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::{Place, refused};

#[test]
fn a_server_says_where_it_listens_and_ends_cleanly_when_it_is_asked_to() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let adapter = place.adapter("tiny-llama3/all/adapter_final");
    let mut server = Command::new(env!("CARGO_BIN_EXE_idiolect"))
        .args(["serve", "--model", &model, "--port", "0", "--log", "json"])
        .args(["--adapter", &format!("tuned={adapter}")])
        .env_remove("IDIOLECT_API_KEY")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let told = BufReader::new(server.stderr.take().unwrap());
    let mut lines = told
        .lines()
        .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let begun = lines.find(|line| line["listening"].is_string()).unwrap();
    assert_eq!(begun["models"], serde_json::json!(["tiny-llama3", "tuned"]));
    let mut asked = TcpStream::connect(begun["listening"].as_str().unwrap()).unwrap();
    let body = r#"{"model": "tuned", "messages": [{"role": "user", "content": "Say red."}], "max_tokens": 3}"#;
    let length = body.len();
    write!(
        asked,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    asked.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("\"role\":\"assistant\""),
        "{answer}"
    );
    let line = lines.next().unwrap();
    assert_eq!(
        (&line["status"], &line["model"]),
        (&200.into(), &"tuned".into())
    );
    #[cfg(unix)]
    {
        let stop = Command::new("kill")
            .args(["-INT", &server.id().to_string()])
            .status()
            .unwrap();
        assert!(stop.success());
        assert_eq!(lines.last().unwrap()["note"], "stopped");
        assert_eq!(server.wait().unwrap().code(), Some(0));
    }
    #[cfg(not(unix))]
    server.kill().unwrap();
}

#[test]
fn an_address_that_others_reach_needs_a_key_and_an_adapter_a_folder() {
    let Some(place) = Place::new() else { return };
    let model = place.model("tiny-llama3");
    let serve = ["serve", "--model", &model];
    let open = [&serve[..], &["--host", "0.0.0.0"]].concat();
    refused(&open, &["key: expected a key (in IDIOLECT_API_KEY)"]);
    let unset = [&serve[..], &["--key-variable", "IDIOLECT_NO_SUCH_KEY"]].concat();
    refused(
        &unset,
        &["--key-variable: expected a key in IDIOLECT_NO_SUCH_KEY, found nothing"],
    );
    refused(
        &[&serve[..], &["--adapter", "=runs/plain"]].concat(),
        &["--adapter: expected NAME=FOLDER"],
    );
    refused(
        &[&serve[..], &["--adapter", "runs/no-such"]].concat(),
        &[
            "adapter runs/no-such: expected a folder with adapter_config.json",
            "no such folder",
        ],
    );
    refused(
        &[&serve[..], &["--host", "localhost"]].concat(),
        &[
            "\"localhost\" for \"--host <HOST>\"",
            "127.0.0.1 is this machine alone",
        ],
    );
    refused(
        &[&serve[..], &["--max-waiting", "0"]].concat(),
        &["--max-waiting: expected 1 to 65536, found 0"],
    );
}
