//! Texts with the log-probability of each token, and those of prompts.

use std::ops::ControlFlow;

use idiolect_generate::{FinishReason, Generated, GenerationSettings};
use idiolect_lm::likelihood::ScoredText;
use idiolect_lm::{
    GenerateRun, LmError, ModelPrompt, RowEvent, ScoredRun, TokenScore, WrittenToken,
};

use crate::tiny::tiny;

/// Nats: another order of sums.
const BOUND: f32 = 1e-4;

fn close(a: &TokenScore, b: &TokenScore) -> bool {
    a.own.token == b.own.token && (a.own.log_probability - b.own.log_probability).abs() < BOUND
}

#[test]
fn a_prompts_scores_add_up_to_its_likelihood() {
    let Some(model) = tiny() else { return };
    let ids = model
        .prompt_ids(&ModelPrompt::Text(
            "The sea is wide, and the day is long.".into(),
        ))
        .unwrap();
    let scores = model.prompt_scores(&ids, 3).unwrap();
    assert_eq!(scores.len(), ids.len() - 1);
    for start in [1, 4] {
        let text = ScoredText {
            ids: ids.clone(),
            start,
        };
        let (expected, _) = model.likelihoods(&[vec![text]]).unwrap();
        let own = &scores[start - 1..];
        let sum: f64 = own
            .iter()
            .map(|score| f64::from(score.own.log_probability))
            .sum();
        assert!((sum - expected[0][0].log_likelihood).abs() < 1e-4);
        let greedy = own.iter().all(|score| score.likeliest[0] == score.own);
        assert_eq!(greedy, expected[0][0].greedy);
    }
    assert!(model.prompt_scores(&ids[..1], 3).unwrap().is_empty());
    for wrong in [vec![], vec![5, 9999], vec![5; 257]] {
        let error = model.prompt_scores(&wrong, 1).unwrap_err();
        assert!(
            matches!(error, LmError::Setting { .. } | LmError::Tokens(_)),
            "{error}"
        );
    }
}

fn numbered() -> Vec<ModelPrompt> {
    let prompt = |at| ModelPrompt::Text(format!("Number {at} is"));
    (0..12).map(prompt).collect()
}

/// Draws that often end at a stop text.
fn warm() -> GenerationSettings {
    GenerationSettings {
        max_new_tokens: 60,
        temperature: 2.0,
        stop: vec!["re".into()],
        ..GenerationSettings::default()
    }
}

#[test]
fn texts_are_the_same_with_scores_and_each_token_has_its_place() {
    let Some(model) = tiny() else { return };
    let settings = warm();
    let prompts = numbered();
    let run = GenerateRun {
        seed: 3,
        ignore_eos: false,
    };
    let plain = model.stream_rows(&prompts, &settings, run, &mut |_| ControlFlow::Continue(()));
    let plain: Vec<Generated> = plain.unwrap();
    let mut texts = vec![(String::new(), Vec::<WrittenToken>::new()); prompts.len()];
    let mut of_prompts = Vec::new();
    let scored = ScoredRun {
        run,
        likeliest: 2,
        prompt: true,
    };
    let done = model.stream_scored(&prompts, &settings, scored, &mut |event| {
        match event {
            RowEvent::Prompt { row, scores } => of_prompts.push((row, scores.to_vec())),
            RowEvent::Text { row, text, tokens } => {
                texts[row].0 += text;
                texts[row].1.extend_from_slice(tokens);
            }
            RowEvent::Done(_) => {}
        }
        ControlFlow::Continue(())
    });
    let stopped = |row: &Generated| row.finish_reason == FinishReason::StopString;
    assert!(plain.iter().any(stopped));
    for (row, done) in done.unwrap().iter().enumerate() {
        let expected = &plain[row];
        assert_eq!(
            (&done.text, &done.token_ids),
            (&expected.text, &expected.token_ids)
        );
        assert_eq!(texts[row].0, done.text);
        // Each score is that of a prompt which has the token.
        let prompt = model.prompt_ids(&prompts[row]).unwrap();
        let new = done.token_ids.iter().chain(&done.stop_token).copied();
        let ids: Vec<u32> = prompt.iter().copied().chain(new).collect();
        let all = model.prompt_scores(&ids, 2).unwrap();
        let (before, behind) = all.split_at(prompt.len() - 1);
        assert!(
            of_prompts[row]
                .1
                .iter()
                .zip(before)
                .all(|(a, b)| close(a, b))
        );
        let tokens = &texts[row].1;
        assert!(tokens.iter().zip(behind).all(|(a, b)| close(&a.score, b)));
        if done.finish_reason != FinishReason::StopString {
            assert_eq!(tokens.len(), behind.len());
        }
        assert!(tokens.is_sorted_by_key(|token| token.begins));
        let inside = tokens
            .iter()
            .all(|token| done.text.is_char_boundary(token.begins));
        assert!(inside, "{tokens:?}");
    }
}

#[test]
fn one_token_behind_a_scored_prompt_is_that_of_a_text() {
    let Some(model) = tiny() else { return };
    let prompt = [ModelPrompt::Text("The sea".into())];
    let settings = |max_new_tokens| GenerationSettings {
        max_new_tokens,
        temperature: 1.0,
        ..GenerationSettings::default()
    };
    let run = GenerateRun {
        seed: 5,
        ignore_eos: true,
    };
    let written = |tokens: usize, prompt_too: bool| {
        let scored = ScoredRun {
            run,
            likeliest: 1,
            prompt: prompt_too,
        };
        let go_on = &mut |_: RowEvent<'_>| ControlFlow::Continue(());
        let done = model.stream_scored(&prompt, &settings(tokens), scored, go_on);
        done.unwrap().remove(0).token_ids
    };
    assert_eq!(written(1, true), written(4, false)[..1]);
}
