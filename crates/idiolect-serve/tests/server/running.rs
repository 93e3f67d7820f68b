//! A server that runs while a test does, and what a client asks of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use idiolect_completion::Quiet;
use idiolect_http::{Client, Timeouts, bounded_text};
use idiolect_lm::{LanguageModel, ModelSettings};
use idiolect_serve::{ServeError, ServeEvent, ServeSettings, Server};
use serde_json::{Value, json};

/// The name of the adapter.
pub(crate) const ADAPTER: &str = "tuned";

/// The folder of the tiny checkpoint; none where the shared oracles are absent.
pub(crate) fn tiny() -> Option<PathBuf> {
    Some(idiolect_testkit::shared()?.join("oracles/tiny/tiny-llama3"))
}

/// An adapter of PEFT's for it.
pub(crate) fn adapter() -> PathBuf {
    let shared = idiolect_testkit::shared().expect("shared");
    shared.join("oracles/peft/tiny-llama3/all/adapter_final")
}

/// Settings of a server with the tiny checkpoint, at any port.
pub(crate) fn settings() -> Option<ServeSettings> {
    Some(ServeSettings {
        model: ModelSettings::of(&tiny()?.display().to_string()),
        address: "127.0.0.1:0".parse().unwrap(),
        ..ServeSettings::default()
    })
}

/// The checkpoint itself.
pub(crate) fn model() -> LanguageModel {
    LanguageModel::open(&tiny().expect("shared").display().to_string()).unwrap()
}

/// A server under way; it is stopped when it is dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) events: Arc<Mutex<Vec<ServeEvent>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Running {
    pub(crate) fn start(settings: &ServeSettings) -> Self {
        let events: Arc<Mutex<Vec<ServeEvent>>> = Arc::default();
        let heard = Arc::clone(&events);
        let tell = Arc::new(move |event: &ServeEvent| heard.lock().unwrap().push(event.clone()));
        let server = Server::open(settings, &Quiet, tell).unwrap();
        let (address, stop) = (server.address(), Arc::new(AtomicBool::new(false)));
        let own = Arc::clone(&stop);
        Self {
            address,
            events,
            stop,
            thread: Some(std::thread::spawn(move || server.run(&own))),
        }
    }

    /// Asks it to stop; what [`Server::run`] came to.
    pub(crate) fn stop(&mut self) -> Result<(), ServeError> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread
            .take()
            .map_or(Ok(()), |thread| thread.join().unwrap())
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        let response = client().get(&self.url(path)).call().unwrap();
        answered(response)
    }

    pub(crate) fn post(&self, path: &str, body: &str, key: Option<&str>) -> (u16, Value) {
        let mut request = client().post(&self.url(path));
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        answered(request.send(body).unwrap())
    }

    /// An answer with status 200.
    pub(crate) fn ask(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.post(path, &body.to_string(), None);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// The texts of an answer with status 200.
    pub(crate) fn texts(&self, body: &Value) -> Vec<String> {
        let answer = self.ask("/v1/completions", body);
        let choices = answer["choices"].as_array().unwrap();
        let numbers = choices
            .iter()
            .map(|choice| choice["index"].as_u64().unwrap());
        assert!(numbers.eq(0..choices.len() as u64));
        let text = |choice: &Value| choice["text"].as_str().unwrap().to_owned();
        choices.iter().map(text).collect()
    }

    /// The events of a streamed answer.
    pub(crate) fn events(&self, path: &str, body: &Value) -> Vec<Value> {
        let mut body = body.clone();
        body["stream"] = json!(true);
        let response = client()
            .post(&self.url(path))
            .send(body.to_string())
            .unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let text = bounded_text(response, 1 << 26).unwrap().unwrap();
        let mut events: Vec<&str> = text.split_terminator("\n\n").collect();
        assert_eq!(events.pop(), Some("data: [DONE]"), "{text}");
        let parsed = |event: &&str| {
            serde_json::from_str(event.strip_prefix("data: ").expect("an event")).unwrap()
        };
        events.iter().map(parsed).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let stopped = self.stop();
        if !std::thread::panicking() {
            stopped.unwrap();
        }
    }
}

fn client() -> Client {
    let whole = Some(std::time::Duration::from_mins(2));
    Client::new(Timeouts {
        whole,
        ..Timeouts::default()
    })
}

fn answered(response: idiolect_http::Response<idiolect_http::Body>) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = bounded_text(response, 1 << 26).unwrap().unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}
