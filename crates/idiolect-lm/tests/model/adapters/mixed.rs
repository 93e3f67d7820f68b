//! Rows of several models in one batch: each text is the one that its model writes alone.

use std::ops::ControlFlow;

use idiolect_completion::Quiet;
use idiolect_generate::{Generated, GenerationSettings};
use idiolect_lm::{GenerateRun, LanguageModel, MixedPrompt, ModelPrompt, PromptRow, RowAdapter};
use idiolect_lora::{LoraAdapter, LoraConfig};

use crate::tiny::{peft, tiny};

const RUN: GenerateRun = GenerateRun {
    seed: 5,
    ignore_eos: true,
};

fn prompts() -> Vec<ModelPrompt> {
    // Beginnings in common, and repetitions to guess from.
    let texts = [
        "Say red.",
        "Say red and say red and say",
        "x",
        "Say blue.",
        "a b a b a b a",
    ];
    texts.iter().map(|text| ModelPrompt::user(text)).collect()
}

fn alone(model: &LanguageModel, settings: &GenerationSettings) -> Vec<Generated> {
    let go_on = &mut |_: idiolect_generate::GenerationEvent<'_>| ControlFlow::Continue(());
    model.generate(&prompts(), settings, RUN, go_on).unwrap()
}

fn mixed(models: &[LanguageModel], settings: &GenerationSettings) -> Vec<Generated> {
    let rows = prompts().into_iter().enumerate();
    let row = |(at, prompt)| MixedPrompt {
        model: &models[at % models.len()],
        prompt,
    };
    let rows: Vec<_> = rows.map(row).collect();
    let go_on = &mut |_: idiolect_generate::GenerationEvent<'_>| ControlFlow::Continue(());
    LanguageModel::generate_mixed(&rows, settings, RUN, go_on).unwrap()
}

fn same_texts(models: &[LanguageModel], settings: &GenerationSettings) {
    let expected: Vec<_> = models.iter().map(|model| alone(model, settings)).collect();
    for (at, found) in mixed(models, settings).iter().enumerate() {
        let own = &expected[at % models.len()][at];
        let batch = settings.generation_batch_size;
        assert_eq!(found.index, at);
        assert_eq!(
            found.token_ids, own.token_ids,
            "row {at}, batches of {batch}"
        );
        assert_eq!(found.text, own.text);
    }
}

#[test]
fn each_text_is_that_of_its_model_alone() {
    let Some(base) = tiny() else { return };
    let [one, other] = ["qv", "all_dora"].map(|name| base.load_adapter(&peft(name)).unwrap());
    let models = [one, base, other];
    let short = GenerationSettings {
        max_new_tokens: 12,
        ..GenerationSettings::default()
    };
    let [own, of_base] = [0, 1].map(|at| alone(&models[at], &short));
    assert_ne!(own[1].token_ids, of_base[1].token_ids);
    for temperature in [0.0, 0.9] {
        for generation_batch_size in [1, 2, 3, 8] {
            let settings = GenerationSettings {
                temperature,
                generation_batch_size,
                ..short.clone()
            };
            same_texts(&models, &settings);
        }
    }
}

#[test]
fn several_models_answer_a_turn_together() {
    let Some(base) = tiny() else { return };
    let tuned = base.load_adapter(&peft("qv")).unwrap();
    let both = LanguageModel::chat_each(&[&tuned, &base], "Say red.").unwrap();
    assert_eq!(
        both,
        [&tuned, &base].map(|model| model.chat("Say red.").unwrap())
    );
    assert_ne!(both[0], both[1]);
    assert_eq!(LanguageModel::chat_each(&[], "x").unwrap(), [""; 0]);
}

/// A model with weights of its own has batches of its own, and the rows come back in their order.
#[test]
fn models_with_other_weights_are_continued_apart() {
    let Some(base) = tiny() else { return };
    let config = LoraConfig {
        modules_to_save: vec!["norm".into()],
        ..LoraConfig::default()
    };
    let device = base.device();
    let adapter = LoraAdapter::new(&config, base.base_decoder(), 3, &device).unwrap();
    assert!(!adapter.whole.is_empty());
    let whole = base.with_adapter(&adapter).unwrap();
    let qv = base.load_adapter(&peft("qv")).unwrap();
    let settings = GenerationSettings {
        max_new_tokens: 6,
        ..GenerationSettings::default()
    };
    same_texts(&[whole.clone(), qv, base], &settings);
    // Its own rows stand in one batch: their tokens come by turns.
    let rows: Vec<_> = prompts()
        .into_iter()
        .map(|prompt| MixedPrompt {
            model: &whole,
            prompt,
        })
        .collect();
    let mut order = Vec::new();
    let note = &mut |event: idiolect_generate::GenerationEvent<'_>| {
        if let idiolect_generate::GenerationEvent::Token { index, .. } = event {
            order.push(index);
        }
        ControlFlow::Continue(())
    };
    LanguageModel::generate_mixed(&rows, &settings, RUN, note).unwrap();
    order.dedup();
    assert!(order.len() > rows.len(), "{order:?}");
}

#[test]
fn rows_of_a_file_go_through_the_adapters_that_they_name() {
    let Some(base) = tiny() else { return };
    let settings = GenerationSettings {
        max_new_tokens: 6,
        ..GenerationSettings::default()
    };
    let given = base.load_adapter(&peft("qv")).unwrap();
    let named = base.load_adapter(&peft("all_dora")).unwrap();
    let adapters = [
        RowAdapter::Given,
        RowAdapter::Base,
        RowAdapter::Folder(peft("all_dora")),
    ];
    let row = |(id, adapter): (usize, &RowAdapter)| PromptRow {
        id: id.into(),
        prompt: prompts()[id].clone(),
        adapter: adapter.clone(),
    };
    let rows: Vec<_> = adapters.iter().enumerate().map(row).collect();
    let found = given.generate_rows(&rows, &settings, RUN, &Quiet).unwrap();
    for (at, model) in [&given, &base, &named].into_iter().enumerate() {
        assert_eq!(
            found[at].token_ids,
            alone(model, &settings)[at].token_ids,
            "row {at}"
        );
    }
}

#[test]
fn breaking_off_gives_the_rows_that_are_done() {
    let Some(base) = tiny() else { return };
    let qv = base.load_adapter(&peft("qv")).unwrap();
    let settings = GenerationSettings {
        max_new_tokens: 3,
        generation_batch_size: 1,
        ..GenerationSettings::default()
    };
    let rows: Vec<_> = prompts()
        .into_iter()
        .map(|prompt| MixedPrompt { model: &qv, prompt })
        .collect();
    let mut done = 0;
    let stop = &mut |event: idiolect_generate::GenerationEvent<'_>| {
        done += usize::from(matches!(event, idiolect_generate::GenerationEvent::Done(_)));
        if done < 2 {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    let found = LanguageModel::generate_mixed(&rows, &settings, RUN, stop).unwrap();
    assert_eq!(found.len(), 2);
}
