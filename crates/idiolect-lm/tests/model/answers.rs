//! Text from prompts: one turn, many prompts, and a text as it comes.

use std::ops::ControlFlow;

use idiolect_completion::Quiet;
use idiolect_generate::{FinishReason, GenerationEvent, GenerationSettings};
use idiolect_lm::{GenerateRun, LmError, ModelPrompt, PromptRow, RowAdapter};

use crate::tiny::tiny;

fn short(max_new_tokens: usize) -> GenerationSettings {
    GenerationSettings {
        max_new_tokens,
        ..GenerationSettings::default()
    }
}

#[test]
fn a_turn_is_answered_as_its_prompt_is_continued() {
    let Some(model) = tiny() else { return };
    let prompt = ModelPrompt::user("Say red.");
    let room = model.max_positions() - model.prompt_ids(&prompt).unwrap().len();
    let go_on = &mut |_: GenerationEvent<'_>| ControlFlow::Continue(());
    let settings = short(room.min(256));
    let done = model.generate(&[prompt], &settings, GenerateRun::default(), go_on);
    assert_eq!(model.chat("Say red.").unwrap(), done.unwrap()[0].text);
    let long = "word ".repeat(300);
    let error = model.chat(&long).unwrap_err();
    assert!(matches!(error, LmError::Generate(_)), "{error}");
}

#[test]
fn rows_keep_their_ids_and_their_order() {
    let Some(model) = tiny() else { return };
    let row = |id: &str, text: &str| PromptRow {
        id: id.into(),
        prompt: ModelPrompt::user(text),
        adapter: RowAdapter::Given,
    };
    let rows = [
        row("a", "a rather long first prompt"),
        row("b", "x"),
        row("c", "Say red."),
    ];
    let run = GenerateRun {
        seed: 3,
        ignore_eos: true,
    };
    let found = model.generate_rows(&rows, &short(5), run, &Quiet).unwrap();
    let ids: Vec<&str> = found.iter().map(|row| row.id.as_str().unwrap()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    assert!(
        found
            .iter()
            .all(|row| row.token_ids.len() == 5 && row.finish_reason == FinishReason::Length)
    );
    let json = serde_json::to_string(&found[1]).unwrap();
    assert!(json.starts_with(r#"{"id":"b","text":"#), "{json}");
    assert!(json.ends_with(r#""finish_reason":"length"}"#), "{json}");
}

#[test]
fn pieces_of_a_stream_are_its_text_and_no_stop_is_ever_shown() {
    let Some(model) = tiny() else { return };
    let run = GenerateRun {
        seed: 1,
        ignore_eos: true,
    };
    let prompt = || ModelPrompt::user("Say red.");
    let whole = model.stream(
        prompt(),
        &short(40),
        run,
        &mut |_| ControlFlow::Continue(()),
    );
    let whole = whole.unwrap().unwrap().text;
    // A stop from the middle of the text itself.
    let from = whole.floor_char_boundary(whole.len() / 2);
    let stop: String = whole[from..].chars().take(4).collect();
    let settings = GenerationSettings {
        stop: vec![stop.clone()],
        ..short(40)
    };
    let (mut shown, mut pieces) = (String::new(), 0);
    let done = model.stream(prompt(), &settings, run, &mut |text| {
        shown += text;
        pieces += 1;
        ControlFlow::Continue(())
    });
    let done = done.unwrap().unwrap();
    assert_eq!(done.finish_reason, FinishReason::StopString);
    assert_eq!(shown, done.text);
    assert!(
        pieces > 1 && !shown.contains(&stop),
        "{pieces} {shown:?} {stop:?}"
    );
    assert!(whole.starts_with(&shown));
    let broken = model.stream(prompt(), &settings, run, &mut |_| ControlFlow::Break(()));
    assert!(broken.unwrap().is_none());
}

#[test]
fn settings_out_of_range_are_refused() {
    let Some(model) = tiny() else { return };
    let go_on = &mut |_: GenerationEvent<'_>| ControlFlow::Continue(());
    let prompt = [ModelPrompt::user("x")];
    let error = model.generate(&prompt, &short(0), GenerateRun::default(), go_on);
    assert!(error.unwrap_err().to_string().contains("max_new_tokens"));
    let wrong = [ModelPrompt::Tokens(vec![5, 9999])];
    let error = model.generate(&wrong, &short(2), GenerateRun::default(), go_on);
    assert!(error.unwrap_err().to_string().contains("9999"));
}
