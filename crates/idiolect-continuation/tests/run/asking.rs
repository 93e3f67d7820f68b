//! What a teacher is shown and a judge is asked.

use idiolect_continuation::{
    Completion, ContinuationRequest, Filters, Identity, PAPER_SYSTEM, Prompt, Settings, Shown,
    TextToText, continue_corpus,
};

use crate::common::{Folder, Scripted, corpus, settings, shown, teacher};

#[test]
fn a_teacher_is_shown_the_half_raw_or_as_a_turn() {
    let folder = Folder::new();
    let corpus = corpus(folder.0.path(), 1);
    let first = |shown: Shown| {
        let settings = Settings {
            shown,
            ..settings(1)
        };
        let folder = Folder::new();
        let mut seen = Vec::new();
        let mut writer = |request: &ContinuationRequest| {
            seen.push(request.prompt.clone());
            let (id, text) = (request.id.clone(), "on".to_owned());
            Ok(Completion {
                id,
                text,
                token_count: 1,
                passes: None,
                finish_reason: "stop".into(),
            })
        };
        folder.run(&corpus, &settings, &mut writer).unwrap();
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
    let judge = Identity {
        model: "judge".into(),
        ..teacher()
    };
    let settings = Settings {
        filters,
        judge,
        ..settings(20)
    };
    let mut asked = 0;
    let mut judge = |request: &ContinuationRequest| {
        assert!(shown(request).contains("Is this passage a conversation?"));
        asked += 1;
        let text = if asked == 1 { "yes" } else { "Hard to say." };
        let id = request.id.clone();
        Ok(Completion {
            id,
            text: text.into(),
            token_count: 1,
            passes: None,
            finish_reason: "stop".into(),
        })
    };
    let judge: &mut dyn TextToText = &mut judge;
    let mut writer = Scripted::default();
    let continued =
        continue_corpus(&corpus, &settings, &mut writer, Some(judge), &folder.path()).unwrap();
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
