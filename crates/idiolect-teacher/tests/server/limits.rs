//! What a teacher keeps to: requests at once, its budget, a caller that has enough.

use idiolect_teacher::{Budget, Teacher, TeacherConfig, TeacherError};

use crate::asking::{MS, all, chat, good, settings};
use crate::common::{Act, Server};

#[test]
fn as_many_requests_are_under_way_as_allowed() {
    for in_flight in [1, 4] {
        let server = Server::start(|asked| Act::Slow(30 * MS, Box::new(good(asked))));
        let teacher = Teacher::new(TeacherConfig {
            in_flight,
            ..settings(&server)
        })
        .unwrap();
        all(&teacher, 12).1.unwrap();
        let most = server.at_once.load(std::sync::atomic::Ordering::SeqCst);
        assert_eq!(most, in_flight);
    }
}

#[test]
fn a_budget_is_never_overdrawn() {
    let server = Server::start(|asked| Act::Slow(5 * MS, Box::new(good(asked))));
    // A request is 22 bytes, 11 tokens at most, and 5 new tokens; the server counts 15.
    let budget = Budget {
        tokens: Some(100),
        ..Budget::default()
    };
    let small = TeacherConfig {
        max_new_tokens: 5,
        budget,
        in_flight: 4,
        ..settings(&server)
    };
    let teacher = Teacher::new(small.clone()).unwrap();
    let (done, ended) = all(&teacher, 20);
    let error = ended.unwrap_err();
    let spent = teacher.spent().tokens();
    assert_eq!((done.len(), spent), (6, 90), "{error}");
    assert!(
        error
            .to_string()
            .starts_with("budget of tokens: 100 allowed, 90 spent, expected at least 16 for id "),
        "{error}"
    );
    let budget = Budget {
        money: Some(1.0),
        prompt_price: 10_000.0,
        text_price: 20_000.0,
        tokens: None,
    };
    let teacher = Teacher::new(TeacherConfig { budget, ..small }).unwrap();
    let (done, ended) = all(&teacher, 20);
    // Each costs 0.2, and may cost 0.21.
    assert_eq!(done.len(), 4);
    assert!(matches!(
        ended.unwrap_err(),
        TeacherError::Budget { what: "money", .. }
    ));
    assert!((budget.money_for(&teacher.spent()) - 0.8).abs() < 1e-9);
}

#[test]
fn a_caller_that_takes_no_more_is_asked_no_more() {
    let server = Server::start(good);
    let teacher = Teacher::new(TeacherConfig {
        in_flight: 2,
        ..settings(&server)
    })
    .unwrap();
    let requests: Vec<_> = (0..50).map(chat).collect();
    let mut calls = 0;
    let ended = teacher.complete(&requests, &mut |_| {
        calls += 1;
        if calls == 3 {
            Err("disk full".into())
        } else {
            Ok(())
        }
    });
    let error = ended.unwrap_err().to_string();
    assert!(
        error.ends_with(": the completion was not taken: disk full"),
        "{error}"
    );
    assert_eq!(calls, 3);
    assert!(server.count() < 50);
}
