//! Replies of servers that write texts.

use std::path::Path;

use idiolect::BoxError;
use idiolect::completion::{CompletionRequest, Prompt};
use idiolect::teacher::{Teacher, TeacherConfig};

use crate::reading::{Reader, any};
use crate::server::during;

pub(super) const READERS: [Reader; 1] = [any("server", "reply.json", reply)];

/// A text of a server that answers with the file.
fn reply(root: &Path, file: &str) -> Result<String, BoxError> {
    let body = std::fs::read(root.join(file))?;
    let head = format!(
        "Content-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    let answer = [b"HTTP/1.1 200 OK\r\n", head.as_bytes(), b"\r\n", &body].concat();
    during(
        |_| answer.clone(),
        |address| {
            let mut config = TeacherConfig::new(&format!("{address}/v1"));
            config.model = Some("m".into());
            config.retries.attempts = 1;
            let teacher = Teacher::new(config)?;
            let request = CompletionRequest::new(0.into(), Prompt::user("Say 1."), 1);
            let mut text = String::new();
            teacher.complete(&[request], &mut |completion| {
                text = format!("{completion:?}");
                Ok(())
            })?;
            Ok(text)
        },
    )
}
