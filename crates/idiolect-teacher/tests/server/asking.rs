//! The configuration, requests and answers of these tests.

use std::time::Duration;

use idiolect_completion::{Completion, CompletionRequest, Prompt};
use idiolect_teacher::{Retries, Teacher, TeacherConfig, TeacherError};
use serde_json::json;

use crate::common::{Act, Asked, Server};

pub(crate) const MS: Duration = Duration::from_millis(1);

pub(crate) fn settings(server: &Server) -> TeacherConfig {
    TeacherConfig {
        model: Some("m".into()),
        timeout: 400 * MS,
        retries: Retries {
            first_wait: 4 * MS,
            longest_wait: 20 * MS,
            ..Retries::default()
        },
        ..TeacherConfig::new(&server.url)
    }
}

pub(crate) fn chat(id: usize) -> CompletionRequest {
    CompletionRequest::new(json!(id), Prompt::user(format!("half {id}")), id as u64)
}

pub(crate) fn all(teacher: &Teacher, count: usize) -> (Vec<Completion>, Result<(), TeacherError>) {
    let requests: Vec<_> = (0..count).map(chat).collect();
    let mut done = Vec::new();
    let ended = teacher.complete(&requests, &mut |completion| {
        done.push(completion);
        Ok(())
    });
    (done, ended)
}

pub(crate) fn told(settings: TeacherConfig) -> String {
    let url = settings.url.clone();
    let (_, ended) = all(&Teacher::new(settings).unwrap(), 1);
    ended.unwrap_err().to_string().replace(&url, "URL")
}

pub(crate) fn good(asked: &Asked) -> Act {
    Act::text(asked, &format!("after {}", asked.shown()))
}
