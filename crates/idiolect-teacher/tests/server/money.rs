//! Attempts that failed and were billed.

use idiolect_teacher::{Budget, Spent, Teacher, TeacherConfig, TeacherError};
use serde_json::json;

use crate::asking::{all, good, settings};
use crate::common::{Act, Server};

fn usage() -> serde_json::Value {
    json!({"prompt_tokens": 10, "completion_tokens": 5})
}

/// Of 22 bytes, so that a request costs 11 tokens of prompt and 5 new ones at most.
fn small(server: &Server) -> TeacherConfig {
    TeacherConfig {
        max_new_tokens: 5,
        in_flight: 1,
        ..settings(server)
    }
}

#[test]
fn what_a_failed_attempt_cost_is_counted() {
    let filtered = json!({"error": {"message": "filtered"}, "usage": usage()}).to_string();
    let fault = json!({"error": {"code": 502}, "usage": usage()}).to_string();
    let counts = [(10, 5), (11, 5), (11, 5), (10, 5), (0, 0)];
    let acts = move |number: usize| match number {
        0 => Some(Act::Reply(200, "", fault.clone())),
        1 => Some(Act::Reply(200, "", "{\"choices\": [".into())),
        2 => Some(Act::CutOff),
        3 => Some(Act::Reply(500, "", filtered.clone())),
        4 => Some(Act::Reply(503, "", "busy".into())),
        _ => None,
    };
    let server = Server::start(move |asked| acts(asked.number).unwrap_or_else(|| good(asked)));
    let teacher = Teacher::new(small(&server)).unwrap();
    all(&teacher, 1).1.unwrap();
    let sum = |of: fn(&(u64, u64)) -> u64| counts.iter().map(of).sum::<u64>();
    let expected = Spent {
        attempts: 6,
        texts: 1,
        prompt_tokens: 10 + sum(|(prompt, _)| *prompt),
        text_tokens: 5 + sum(|(_, text)| *text),
    };
    assert_eq!(teacher.spent(), expected);
}

#[test]
fn attempts_in_vain_end_with_the_budget() {
    let server = Server::start(|_| {
        Act::Reply(
            200,
            "",
            json!({"error": {"code": 502}, "usage": usage()}).to_string(),
        )
    });
    let budget = Budget {
        tokens: Some(40),
        ..Budget::default()
    };
    let teacher = Teacher::new(TeacherConfig {
        budget,
        ..small(&server)
    });
    let teacher = teacher.unwrap();
    let error = all(&teacher, 1).1.unwrap_err();
    assert!(
        matches!(error, TeacherError::Budget { what: "tokens", .. }),
        "{error}"
    );
    // A third attempt might have cost 16 of the 10 that were left.
    assert_eq!((server.count(), teacher.spent().tokens()), (2, 30));
}

#[test]
fn a_filtered_answer_without_text_is_counted_once() {
    let choice = json!({"message": {"content": null}, "finish_reason": "content_filter"});
    let body = json!({"choices": [choice], "usage": usage()}).to_string();
    let server = Server::start(move |_| Act::Reply(200, "", body.clone()));
    let teacher = Teacher::new(small(&server)).unwrap();
    let (done, ended) = all(&teacher, 1);
    ended.unwrap();
    assert_eq!(done[0].finish_reason.as_str(), "content_filter");
    let spent = teacher.spent();
    assert_eq!((spent.attempts, spent.texts, spent.tokens()), (1, 1, 15));
}

#[test]
fn a_budget_that_is_no_number_is_refused() {
    for money in [f64::NAN, f64::INFINITY, -1.0] {
        let budget = Budget {
            money: Some(money),
            ..Budget::default()
        };
        let config = TeacherConfig {
            budget,
            ..TeacherConfig::new("https://a.b")
        };
        let error = Teacher::new(config).unwrap_err().to_string();
        assert!(error.starts_with("budget_money: expected 0 or more, found "));
    }
}

#[test]
fn a_reply_of_another_form_is_not_asked_for_again_and_paid_once() {
    let bodies = [
        json!({"choices": [], "usage": usage()}),
        json!({"choices": [{"message": {"content": 7}}], "usage": usage()}),
        json!({"choices": [{"message": {"content": [{"type": "image_url"}]}}], "usage": usage()}),
        json!({"result": "a text", "usage": usage()}),
    ];
    for body in bodies {
        let server = Server::start({
            let body = body.to_string();
            move |_| Act::Reply(200, "", body.clone())
        });
        let teacher = Teacher::new(small(&server)).unwrap();
        let error = all(&teacher, 1).1.unwrap_err().to_string();
        assert!(
            error.contains("expected a completion, found no "),
            "{error}"
        );
        assert!(error.ends_with("(1 attempt)"), "{error}");
        assert_eq!((server.count(), teacher.spent().tokens()), (1, 15));
    }
}
