//! Reasoning in the texts of a local writer, where the chat template opens it.

use idiolect_completion::{Completion, CompletionRequest, Prompt, Reasoning, Writer};
use idiolect_generate::GenerationSettings;
use idiolect_lm::{LanguageModel, LocalWriter};

use crate::tiny::{tiny, user};

const OPENS: &str = "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>{{ m.content }}<|eot_id|>{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|><think>\n{% endif %}";

fn thinking() -> Option<LanguageModel> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("opens.jinja");
    std::fs::write(&file, OPENS).unwrap();
    let model = tiny()?.with_template(&file.display().to_string());
    Some(model.unwrap())
}

fn written(writer: &mut LocalWriter<'_>) -> Completion {
    let request = CompletionRequest::new(0.into(), Prompt::Chat(user("Say red.")), 7);
    let mut found = None;
    let done = writer.complete(&[request], &mut |done| {
        found = Some(done);
        Ok(())
    });
    done.unwrap();
    found.unwrap()
}

fn settings() -> GenerationSettings {
    GenerationSettings {
        max_new_tokens: 6,
        ..GenerationSettings::default()
    }
}

/// The tiny model closes no reasoning: what the template has opened goes on to the end.
#[test]
fn reasoning_that_the_template_opens_and_nothing_closes_is_no_text() {
    let Some(model) = thinking() else { return };
    let mut keeping = model
        .writer(&settings())
        .unwrap()
        .reasoning(Reasoning::Keep);
    let kept = written(&mut keeping);
    assert!(!kept.text.is_empty() && kept.token_ids.is_some());
    assert_eq!(keeping.replies().line(), None);
    assert_eq!(keeping.identity().sampler["reasoning"], "keep");
    let mut removing = model.writer(&settings()).unwrap();
    let removed = written(&mut removing);
    assert_eq!((removed.text.as_str(), removed.token_ids), ("", None));
    assert_eq!(removed.token_count, kept.token_count);
    let replies = removing.replies();
    assert_eq!((replies.reasoning_removed, replies.only_reasoning), (1, 1));
    assert!(removing.advice().unwrap().starts_with("1 of 1 replies"));
    assert!(removing.identity().sampler.get("reasoning").is_none());
}

/// Without a mark in prompt or text both rules give the same.
#[test]
fn other_texts_stay_as_they_are() {
    let Some(model) = tiny() else { return };
    let mut removing = model.writer(&settings()).unwrap();
    let mut keeping = model
        .writer(&settings())
        .unwrap()
        .reasoning(Reasoning::Keep);
    assert_eq!(written(&mut removing), written(&mut keeping));
    assert_eq!(removing.replies().line(), None);
}
