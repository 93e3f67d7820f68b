//! The requests that MLflow's REST interface takes of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use idiolect_http::{Client, RequestBuilder, Secret, Timeouts, bounded_text, is_loopback, problem};
use serde_json::{Value, json};

use crate::run::clock;

/// The experiment that runs belong to.
pub(super) const EXPERIMENT: &str = "idiolect";
/// Holds the key of a server that wants one, as MLflow's own client has it.
const TOKEN: &str = "MLFLOW_TRACKING_TOKEN";
/// Time that one request may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most bytes of an answer.
const ANSWER_BYTES: u64 = 1 << 24;
/// Most numbers and most settings of a request.
pub(super) const MOST: (usize, usize) = (1000, 100);

/// A number of a step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Number {
    pub(super) key: String,
    pub(super) value: f64,
    pub(super) step: usize,
    /// Milliseconds since 1970.
    pub(super) time: u64,
}

/// A server.
pub(super) struct Server {
    client: Client,
    pub(super) url: String,
    token: Option<Secret>,
}

impl Server {
    pub(super) fn new(url: &str) -> Result<Self, String> {
        let url = url.trim_end_matches('/').to_owned();
        let host = url.split_once("://").map_or("", |(_, rest)| rest);
        let host = host.split('/').next().unwrap_or_default();
        if host.is_empty() || host.contains('@') || !url.starts_with("http") {
            return Err("no address of http or https, without a user".to_owned());
        }
        let may_be_told = url.starts_with("https://") || is_loopback(host);
        let token = Secret::from_environment(TOKEN).ok().filter(|_| may_be_told);
        let limit = Some(PATIENCE);
        let client = Client::new(Timeouts {
            whole: limit,
            connect: limit,
            read: limit,
        });
        Ok(Self { client, url, token })
    }

    fn signed<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header("authorization", token.header()),
            None => request,
        }
    }

    /// The answer to a request: with a body a POST, else a GET.
    pub(super) fn call(&self, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let url = format!("{}/api/2.0/mlflow/{path}", self.url);
        let sent = if let Some(body) = body {
            let request = self.client.post(&url);
            let request = self.signed(request.header("content-type", "application/json"));
            request.send(body.to_string())
        } else {
            self.signed(self.client.get(&url)).call()
        };
        let response = sent.map_err(|error| problem(&error))?;
        let status = response.status();
        let text = bounded_text(response, ANSWER_BYTES).ok().flatten();
        let answer: Value = text
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        let code = answer["error_code"]
            .as_str()
            .unwrap_or("no code")
            .to_owned();
        Err(format!("status {} ({code})", status.as_u16()))
    }

    /// The id of the experiment, which is made where there is none.
    fn experiment(&self) -> Result<String, String> {
        let path = format!("experiments/get-by-name?experiment_name={EXPERIMENT}");
        let id = |value: &Value| value["experiment_id"].as_str().map(str::to_owned);
        let found = match self.call(&path, None) {
            Ok(found) => id(&found["experiment"]),
            Err(error) if error.contains("RESOURCE_DOES_NOT_EXIST") => {
                id(&self.call("experiments/create", Some(&json!({"name": EXPERIMENT})))?)
            }
            Err(error) => return Err(error),
        };
        found.ok_or_else(|| "an experiment without an id".to_owned())
    }

    /// Begins a run and tells its settings.
    pub(super) fn begin(
        &self,
        name: &str,
        settings: &[(String, String)],
    ) -> Result<String, String> {
        let body = json!({
            "experiment_id": self.experiment()?, "run_name": name, "start_time": clock::milliseconds(),
        });
        let run = self.call("runs/create", Some(&body))?;
        let id = run["run"]["info"]["run_id"].as_str();
        let id = id.ok_or("a run without an id")?.to_owned();
        for part in settings.chunks(MOST.1) {
            let part = part
                .iter()
                .map(|(key, value)| json!({"key": key, "value": value}));
            let body = json!({"run_id": id, "params": part.collect::<Vec<_>>()});
            self.call("runs/log-batch", Some(&body))?;
        }
        Ok(id)
    }

    /// The last step of each number that the server has of a run, which is resumed.
    pub(super) fn resumed(&self, id: &str) -> Result<BTreeMap<String, u64>, String> {
        let found = self.call(&format!("runs/get?run_id={id}"), None)?;
        self.call(
            "runs/update",
            Some(&json!({"run_id": id, "status": "RUNNING"})),
        )?;
        let metrics = found["run"]["data"]["metrics"].as_array().cloned();
        let step = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let last = |own: &Value| {
            Some((
                own["key"].as_str()?.to_owned(),
                step(&own["step"]).unwrap_or(0),
            ))
        };
        Ok(metrics
            .unwrap_or_default()
            .iter()
            .filter_map(last)
            .collect())
    }

    pub(super) fn log(&self, id: &str, numbers: &[Number]) -> Result<(), String> {
        let metric = |own: &Number| json!({"key": own.key, "value": own.value, "step": own.step, "timestamp": own.time});
        let body = json!({"run_id": id, "metrics": numbers.iter().map(metric).collect::<Vec<_>>()});
        self.call("runs/log-batch", Some(&body)).map(drop)
    }
}
