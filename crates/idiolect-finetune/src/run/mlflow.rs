//! Numbers of a run as an MLflow server takes them, as they come.
//!
//! A thread of its own sends them, several steps in one request while the server is slow, so that a training never waits;
//! what cannot be sent stays in its queue, is tried again with the next steps, and is told of at the end.
//! A run that resumes continues the server's run, behind the last step that the server has.
//!
//! Source: MLflow 3, the REST interface (`docs/rest-api`): experiments, runs, `log-batch`.

mod server;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use idiolect_data::settings::{Layer, to_toml};
use idiolect_data::write_json;
use idiolect_input::counted;
use idiolect_train::{EvaluationRow, StepRow};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::clock;
use crate::{FineTuneError, TrainSettings};

use server::{EXPERIMENT, MOST, Number, Server};

/// Time between two attempts at numbers that could not be sent.
const PAUSE: Duration = Duration::from_secs(5);

/// Which run of which server a run directory belongs to: its `tracker.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    url: String,
    run_id: String,
}

/// A run of a server.
pub(super) struct MlflowRun {
    queue: Option<Sender<Number>>,
    thread: Option<JoinHandle<Option<String>>>,
    /// The last step of each number that the server has already.
    had: BTreeMap<String, u64>,
}

impl MlflowRun {
    /// Begins a run on the server at `url`, or resumes the one that the run directory's file names.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Setting`] for an address that is none and a server that does not answer as MLflow does;
    /// [`FineTuneError::Lm`] for a file that cannot be written.
    pub(super) fn begin(
        url: &str,
        file: &Path,
        settings: &TrainSettings,
        is_resumed: bool,
    ) -> Result<Self, FineTuneError> {
        let refused = |found: String| {
            let expected = format!("an MLflow server that answers at {url}");
            FineTuneError::setting("track", expected, found)
        };
        let server = Server::new(url).map_err(refused)?;
        let known = std::fs::read(file).ok().filter(|_| is_resumed);
        let known: Option<Place> = known.and_then(|text| serde_json::from_slice(&text).ok());
        let (id, had) = if let Some(known) = known.filter(|known| known.url == server.url) {
            let had = server.resumed(&known.run_id).map_err(refused)?;
            (known.run_id, had)
        } else {
            let name = settings.out.as_ref().and_then(|out| out.file_name());
            let name = name.map_or_else(|| EXPERIMENT.into(), |name| name.to_string_lossy());
            let id = server.begin(&name, &values(settings)?).map_err(refused)?;
            let place = Place {
                url: server.url.clone(),
                run_id: id.clone(),
            };
            write_json(file, &place)?;
            (id, BTreeMap::new())
        };
        let (queue, numbers) = channel();
        let thread = thread::spawn(move || send(&server, &id, &numbers));
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            had,
        })
    }

    /// Notes a step.
    pub(super) fn step(&self, row: &StepRow) {
        for (key, value) in [
            ("train/loss", row.loss),
            ("train/learning_rate", row.lr),
            ("train/gradient_norm", row.grad_norm),
        ] {
            self.number(key, value, row.step);
        }
        for (key, value) in &row.more {
            let key = format!("train/{key}");
            self.number(&key, *value, row.step);
        }
    }

    /// Notes an evaluation.
    pub(super) fn evaluation(&self, row: &EvaluationRow) {
        self.number("held_out/loss", row.eval_loss, row.step);
        if let Some(share) = row.eval_accuracy {
            self.number("held_out/accuracy", share, row.step);
        }
    }

    fn number(&self, key: &str, value: f64, step: usize) {
        let is_there = self.had.get(key).is_some_and(|last| step as u64 <= *last);
        if let (Some(queue), false) = (&self.queue, is_there) {
            let time = clock::milliseconds();
            // Where the thread is gone, its last words are told at the end.
            let _ = queue.send(Number {
                key: key.to_owned(),
                value,
                step,
                time,
            });
        }
    }

    /// Sends the rest; what was not sent and why, where something was not.
    pub(super) fn end(mut self) -> Option<String> {
        self.queue.take();
        let thread = self.thread.take()?;
        thread
            .join()
            .unwrap_or_else(|_| Some("its thread ended".to_owned()))
    }
}

/// Sends numbers until no more come: all that wait in one request.
fn send(server: &Server, id: &str, numbers: &Receiver<Number>) -> Option<String> {
    let (mut waiting, mut is_open, mut failed) = (Vec::new(), true, None);
    while is_open || !waiting.is_empty() {
        if is_open {
            is_open = receive(numbers, &mut waiting, failed.is_some());
        }
        let part = waiting.len().min(MOST.0);
        match server.log(id, &waiting[..part]) {
            Ok(()) => {
                waiting.drain(..part);
                failed = None;
            }
            Err(_) if is_open => failed = Some(()),
            Err(error) => {
                let unsent = counted(waiting.len(), "number was", "numbers were");
                return Some(format!("{unsent} not sent: {error}"));
            }
        }
    }
    let body = json!({"run_id": id, "status": "FINISHED", "end_time": clock::milliseconds()});
    server.call("runs/update", Some(&body)).err()
}

/// Waits for a number, or after a failure for a while, and takes all that wait; false once none will come.
fn receive(numbers: &Receiver<Number>, waiting: &mut Vec<Number>, has_failed: bool) -> bool {
    if has_failed {
        let until = Instant::now() + PAUSE;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            match numbers.recv_timeout(left) {
                Ok(number) => waiting.push(number),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
        return true;
    }
    match numbers.recv() {
        Ok(number) => waiting.push(number),
        Err(_) => return false,
    }
    waiting.extend(numbers.try_iter());
    true
}

/// Every setting as text; paths and all.
fn values(settings: &TrainSettings) -> Result<Vec<(String, String)>, FineTuneError> {
    let layer = Layer::parse("settings", &to_toml(settings)?)?;
    let text = |value: String| value.trim_matches('"').chars().take(500).collect();
    let values = layer.values.into_iter();
    Ok(values
        .map(|(key, value)| (key, text(value.to_string())))
        .collect())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    type Heard = Arc<Mutex<Vec<(String, Value)>>>;

    /// A server that answers as MLflow does to one run, and keeps what it is sent; its first numbers it refuses.
    fn server() -> (String, Heard) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let kept = Heard::default();
        let heard = kept.clone();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut first, mut length) = (String::new(), 0);
                reader.read_line(&mut first).unwrap();
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    let line = line.trim().to_lowercase();
                    if let Some(value) = line.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line.is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let body = serde_json::from_slice(&body).unwrap_or_default();
                let path = first.split(' ').nth(1).unwrap().to_owned();
                let path = path.trim_start_matches("/api/2.0/mlflow/").to_owned();
                let (status, answer) = answer(&path, &body, &heard.lock().unwrap());
                heard.lock().unwrap().push((path, body));
                let answer = answer.to_string();
                let head = format!(
                    "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                    answer.len()
                );
                stream.write_all((head + &answer).as_bytes()).unwrap();
            }
        });
        (url, kept)
    }

    fn answer(path: &str, body: &Value, before: &[(String, Value)]) -> (u16, Value) {
        let sent = |body: &Value| !body["metrics"].is_null();
        match path.split('?').next().unwrap() {
            "experiments/get-by-name" => (404, json!({"error_code": "RESOURCE_DOES_NOT_EXIST"})),
            "experiments/create" => (200, json!({"experiment_id": "7"})),
            "runs/create" => (200, json!({"run": {"info": {"run_id": "abc"}}})),
            "runs/get" => {
                let metrics = json!([{"key": "train/loss", "value": 2.0, "step": 2}]);
                (200, json!({"run": {"data": {"metrics": metrics}}}))
            }
            "runs/log-batch" if sent(body) && !before.iter().any(|(_, body)| sent(body)) => {
                (503, json!({"error_code": "TEMPORARILY_UNAVAILABLE"}))
            }
            _ => (200, json!({})),
        }
    }

    fn row(step: usize) -> StepRow {
        StepRow {
            step,
            epoch: 0.5,
            loss: 1.5,
            lr: 0.25,
            grad_norm: 3.0,
            trained_tokens: 7,
            more: std::collections::BTreeMap::new(),
        }
    }

    /// Loss and step of each number that was taken, that is but for the first request with numbers.
    fn losses(kept: &[(String, Value)]) -> Vec<u64> {
        let bodies = kept
            .iter()
            .filter(|(_, body)| !body["metrics"].is_null())
            .skip(1);
        let numbers = bodies.flat_map(|(_, body)| body["metrics"].as_array().cloned().unwrap());
        let losses = numbers.filter(|own| own["key"] == "train/loss");
        losses.map(|own| own["step"].as_u64().unwrap()).collect()
    }

    #[test]
    fn numbers_come_after_a_failure_too_and_a_run_that_resumes_sends_the_rest() {
        let (url, kept) = server();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tracker.json");
        let settings = TrainSettings {
            out: Some("runs/own".into()),
            ..TrainSettings::default()
        };
        let run = MlflowRun::begin(&url, &file, &settings, false).unwrap();
        (1..=2).for_each(|step| run.step(&row(step)));
        assert_eq!(run.end(), None);
        let taken = kept.lock().unwrap().clone();
        assert_eq!(losses(&taken), [1, 2]);
        let paths: Vec<&str> = taken
            .iter()
            .map(|(path, _)| path.split('?').next().unwrap())
            .collect();
        let begin = [
            "experiments/get-by-name",
            "experiments/create",
            "runs/create",
            "runs/log-batch",
        ];
        assert_eq!(paths[..4], begin);
        assert_eq!(taken[2].1["run_name"], "own");
        let params = taken[3].1["params"].as_array().unwrap();
        assert!(
            params.contains(&json!({"key": "rank", "value": "8"})),
            "{params:?}"
        );
        assert_eq!(taken.last().unwrap().1["status"], "FINISHED");
        // The server has the first two.
        let run = MlflowRun::begin(&url, &file, &settings, true).unwrap();
        (2..=4).for_each(|step| run.step(&row(step)));
        assert_eq!(run.end(), None);
        assert_eq!(losses(&kept.lock().unwrap()), [1, 2, 3, 4]);
        let begun = |(path, _): &&(String, Value)| path == "runs/create";
        assert_eq!(kept.lock().unwrap().iter().filter(begun).count(), 1);
    }

    #[test]
    fn a_server_that_is_none_is_refused_before_the_first_step() {
        let file = tempfile::tempdir().unwrap().path().join("tracker.json");
        for url in [
            "http://127.0.0.1:9",
            "mlflow.example",
            "https://me:secret@a.b",
        ] {
            let begun = MlflowRun::begin(url, &file, &TrainSettings::default(), false);
            let error = begun.err().unwrap().to_string();
            assert!(
                error.starts_with("track: expected an MLflow server"),
                "{error}"
            );
        }
    }
}
