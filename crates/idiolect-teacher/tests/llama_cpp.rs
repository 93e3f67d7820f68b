//! A teacher against a real server, where one runs; see the README beside this file.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test's own requests"
)]

use idiolect_completion::{CompletionRequest, Prompt};
use idiolect_teacher::{Teacher, TeacherConfig};
use serde_json::json;

const VARIABLE: &str = "IDIOLECT_OPENAI_URL";

fn request(id: usize, prompt: Prompt) -> CompletionRequest {
    CompletionRequest::new(json!(id), prompt, 1)
}

#[test]
fn a_real_server_answers_chats_and_continues_texts() {
    let Ok(url) = std::env::var(VARIABLE) else {
        idiolect_testkit::skipped(&format!("{VARIABLE} names no server"));
        return;
    };
    let config = TeacherConfig {
        max_new_tokens: 16,
        in_flight: 4,
        ..TeacherConfig::new(&url)
    };
    let teacher = Teacher::new(config).unwrap();
    let mut requests: Vec<_> = (0..8)
        .map(|id| request(id, Prompt::user("What is the capital of France?")))
        .collect();
    requests.push(request(8, Prompt::Text("The capital of France is".into())));
    let mut done = Vec::new();
    let take = &mut |completion| {
        done.push(completion);
        Ok(())
    };
    teacher.complete(&requests, take).unwrap();
    done.sort_by_key(|completion| completion.id.as_u64());
    assert_eq!(done.len(), 9);
    let spent = teacher.spent();
    assert_eq!(spent.texts, 9);
    // The server counted: else half the bytes would stand for each prompt, 23 and 12 tokens.
    assert!(
        spent.prompt_tokens > 0 && spent.prompt_tokens != 8 * 23 + 12,
        "{spent:?}"
    );
    for completion in &done {
        eprintln!(
            "{} {:?} {}",
            completion.id, completion.text, completion.finish_reason
        );
        assert!(!completion.text.trim().is_empty(), "{completion:?}");
        assert!(completion.token_count <= 16);
        assert!(["stop", "length"].contains(&completion.finish_reason.as_str()));
    }
}
