//! What a teacher is shown and a judge is asked.

use idiolect_completion::{Completion, CompletionRequest, Prompt, WriterFn, WriterIdentity};
use idiolect_continuation::{
    ContinuationConfig, ContinuationWriters, Filters, PAPER_SYSTEM, Shown, continue_corpus,
};

use crate::common::{Folder, Scripted, corpus, settings, shown, teacher, writer};

#[test]
fn a_teacher_is_shown_the_half_raw_or_as_a_turn() {
    let folder = Folder::new();
    let corpus = corpus(folder.0.path(), 1);
    let first = |shown: Shown| {
        let settings = ContinuationConfig {
            shown,
            ..settings(1)
        };
        let folder = Folder::new();
        let mut seen = Vec::new();
        let mut writer = writer(|request: &CompletionRequest| {
            seen.push(request.prompt.clone());
            Ok(Completion::new(request.id.clone(), "on"))
        });
        folder.run(&corpus, &settings, &mut writer).unwrap();
        drop(writer);
        let text = folder.rows("rows.jsonl")[0]["messages"][1]["content"].clone();
        (seen.remove(0), text)
    };
    let (raw, text) = first(Shown::Raw);
    assert!(matches!(raw, Prompt::Text(half) if half.starts_with("w0 w0")));
    assert_eq!(text, "on");
    let (chat, text) = first(Shown::Chat {
        system: Some(PAPER_SYSTEM.into()),
    });
    let Prompt::Chat(turns) = chat else {
        unreachable!()
    };
    let roles: Vec<_> = turns.iter().map(|turn| turn.role.as_str()).collect();
    assert_eq!(
        (roles, turns[0].content.as_str()),
        (vec!["system", "user"], PAPER_SYSTEM)
    );
    assert_eq!(text, " on");
}

#[test]
fn another_judge_may_be_asked() {
    let folder = Folder::new();
    let corpus = corpus(folder.0.path(), 20);
    let filters = Filters {
        conversational: true,
        ..Filters::default()
    };
    let identity = WriterIdentity {
        model: "judge".into(),
        ..teacher()
    };
    let settings = ContinuationConfig {
        filters,
        ..settings(20)
    };
    let mut asked = 0;
    let mut judge = WriterFn::new(identity, |request: &CompletionRequest| {
        assert!(shown(request).contains("Is this passage a conversation?"));
        asked += 1;
        let text = if asked == 1 { "yes" } else { "Hard to say." };
        Ok(Completion::new(request.id.clone(), text))
    });
    let mut writer = Scripted::default();
    let writers = ContinuationWriters {
        teacher: Some(&mut writer),
        judge: Some(&mut judge),
    };
    let continued = continue_corpus(&corpus, &settings, writers, &folder.path()).unwrap();
    drop(judge);
    let summary = continued.summary;
    let said = &summary.judged["conversational"];
    assert_eq!(
        (said.yes, said.unclear, said.texts),
        (1, said.texts - 1, asked)
    );
    assert_eq!(summary.rejected["conversational"], 1);
    assert_eq!(
        folder.rows("journal/conversational.jsonl")[0]["model"],
        "judge"
    );
    assert_eq!(
        folder.rows("journal/continuations.jsonl")[0]["model"],
        "scripted"
    );
}
