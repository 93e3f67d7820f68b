//! Batches: their order, their shrinking, and that no row feels another.

mod fake;

use std::ops::ControlFlow;

use fake::{Fake, decode, one_hot, requests, run, settings};
use idiolect_generate::{
    Event, FinishReason, GenerateError, Request, Sampling, Settings, Stops, generate, groups,
};
use proptest::prelude::*;

const SAMPLED: Sampling = Sampling {
    temperature: 0.95,
    top_k: 5,
    top_p: 0.7,
    min_p: 0.01,
    repetition_penalty: 1.1,
};

#[test]
fn long_prompts_come_first_and_equal_ones_keep_their_order() {
    let prompts = [vec![1], vec![1; 3], vec![1; 2], vec![2; 3], vec![3]];
    assert_eq!(groups(&requests(&prompts), 1), [[1, 3, 2, 0, 4]]);
    assert!(groups(&[], 2).is_empty());
}

#[test]
fn a_row_that_ends_makes_room_at_once() {
    // A row counts down from its prompt and stops at 0.
    let mut model = Fake::new(10, |tokens| one_hot(10, tokens.last().unwrap() - 1));
    let settings = Settings {
        stops: Stops {
            tokens: vec![0],
            ..Stops::default()
        },
        batch_size: 2,
        ..settings(8)
    };
    let results = run(
        &mut model,
        &requests(&[vec![3], vec![1], vec![9], vec![1], vec![2]]),
        &settings,
    )
    .unwrap();
    let tokens: Vec<_> = results.iter().map(|row| row.token_ids.clone()).collect();
    assert_eq!(
        tokens,
        [
            vec![2, 1],
            vec![],
            vec![8, 7, 6, 5, 4, 3, 2, 1],
            vec![],
            vec![1]
        ]
    );
    // 3 passes of the first row, 1 of the second, 8 of the third; the others stand beside it.
    assert_eq!(model.widths, [2, 2, 2, 2, 2, 2, 1, 1, 1]);
    let ends: Vec<_> = results
        .iter()
        .map(|row| row.finish_reason.as_str())
        .collect();
    assert_eq!(ends, ["stop", "stop", "length", "stop", "stop"]);
}

#[test]
fn what_prompts_begin_with_is_computed_once() {
    let prompts = [
        vec![1, 2, 3, 4],
        vec![1, 2, 3, 5],
        vec![1, 2, 3],
        vec![1, 2, 3, 4, 6],
    ];
    let settings = Settings {
        batch_size: 3,
        ..settings(1)
    };
    let mut model = Fake::scattered(10);
    let shared = run(&mut model, &requests(&prompts), &settings).unwrap();
    // The prefix [1, 2]; then the rest of three prompts; then that of the fourth, which takes the place
    // of the longest: it finds [1, 2, 3, 4] there, of which it needs the last one's logits.
    assert_eq!(model.tokens, [2, 3 + 2 + 2, 1]);
    let settings = Settings {
        share_prefixes: false,
        ..settings
    };
    let mut model = Fake::scattered(10);
    assert_eq!(
        run(&mut model, &requests(&prompts), &settings).unwrap(),
        shared
    );
    assert_eq!(model.tokens, [5 + 4 + 4, 3]);
}

#[test]
fn guesses_save_passes_where_a_row_repeats_itself() {
    // The prompt's second half is its first; the answer goes on so.
    let script = &[1, 2, 3, 4, 5];
    let mut model = Fake::new(9, |tokens| one_hot(9, script[tokens.len() % 5]));
    let prompt: Vec<u32> = script.iter().copied().cycle().take(10).collect();
    let settings = Settings {
        speculate: 4,
        ..settings(11)
    };
    let row = run(&mut model, &requests(&[prompt]), &settings)
        .unwrap()
        .remove(0);
    assert_eq!(row.token_ids, [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1]);
    // Two guesses, then four, for all came true, and none beyond the budget.
    assert_eq!((row.passes, model.tokens), (3, vec![12, 5, 3]));
}

#[test]
fn wrong_guesses_are_few() {
    // The prompt repeats itself, the answer counts on.
    let mut model = Fake::new(99, |tokens| {
        one_hot(99, u32::try_from(tokens.len()).unwrap())
    });
    let settings = Settings {
        speculate: 8,
        ..settings(4)
    };
    let prompt = vec![1, 2, 3, 4, 1, 2];
    let row = run(&mut model, &requests(&[prompt]), &settings)
        .unwrap()
        .remove(0);
    assert_eq!((row.passes, model.tokens), (4, vec![8, 1, 1, 1]));
}

#[test]
fn every_token_and_every_end_is_told() {
    let mut told = Vec::new();
    let requests = requests(&[vec![1], vec![1]]);
    let mut model = Fake::script(128, &[97, 98]);
    generate(&mut model, &requests, &settings(2), &decode, &mut |event| {
        told.push(match event {
            Event::Token { index, token_ids } => format!("{index} {}", decode(token_ids).unwrap()),
            Event::Done(row) => format!("{} done {}", row.index, row.text),
        });
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(
        told,
        ["0 a", "1 a", "0 ab", "0 done ab", "1 ab", "1 done ab"]
    );
}

#[test]
fn breaking_off_gives_the_rows_that_are_finished() {
    let requests = requests(&[vec![1], vec![1, 1], vec![1]]);
    let settings = Settings {
        batch_size: 1,
        ..settings(2)
    };
    let mut done = 0;
    let mut model = Fake::scattered(100);
    let results = generate(&mut model, &requests, &settings, &decode, &mut |event| {
        done += usize::from(matches!(event, Event::Done(_)));
        if done == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
    .unwrap();
    // The longest prompt runs first; results keep the order of the requests.
    assert_eq!(
        results.iter().map(|row| row.index).collect::<Vec<_>>(),
        [0, 1]
    );
}

#[test]
fn breaking_off_at_a_last_token_still_gives_its_row() {
    let mut model = Fake::scattered(100);
    let results = generate(
        &mut model,
        &requests(&[vec![1]]),
        &settings(1),
        &decode,
        &mut |event| match event {
            Event::Token { .. } => ControlFlow::Break(()),
            Event::Done(_) => ControlFlow::Continue(()),
        },
    );
    assert_eq!(results.unwrap().len(), 1);
}

#[test]
fn nothing_asked_is_nothing_done() {
    let mut model = Fake::scattered(10);
    assert_eq!(run(&mut model, &[], &settings(1)).unwrap(), []);
    assert!(model.widths.is_empty());
}

#[test]
fn greedy_rows_report_their_smallest_lead() {
    let leads = [0.5f32, 0.125, 2.0];
    let rule = move |tokens: &[u32]| vec![1.0, 1.0 + leads[tokens.len() - 1], 0.0];
    let results = run(&mut Fake::new(3, rule), &requests(&[vec![0]]), &settings(3)).unwrap();
    assert_eq!(
        (results[0].token_ids.as_slice(), results[0].min_margin),
        (&[1, 1, 1][..], Some(0.125))
    );
    let sampled = Settings {
        sampling: SAMPLED,
        ..settings(3)
    };
    let results = run(&mut Fake::new(3, rule), &requests(&[vec![0]]), &sampled).unwrap();
    assert_eq!(results[0].min_margin, None);
}

#[test]
fn the_penalty_counts_the_prompt_too() {
    // 2, in the prompt, leads by less than the penalty; then 1, once taken, falls behind 0.
    let rule = |_: &[u32]| vec![1.5, 1.9, 2.0];
    let sampling = Sampling {
        repetition_penalty: 1.5,
        ..Sampling::GREEDY
    };
    let settings = Settings {
        sampling,
        ..settings(3)
    };
    let results = run(&mut Fake::new(3, rule), &requests(&[vec![2, 2]]), &settings).unwrap();
    assert_eq!(results[0].token_ids, [1, 0, 2]);
}

#[test]
fn seeds_make_rows_of_one_prompt_differ_and_repeat() {
    let prompts = vec![vec![1, 2]; 8];
    let sampling = Sampling {
        temperature: 1.0,
        ..Sampling::GREEDY
    };
    let settings = Settings {
        sampling,
        ..settings(12)
    };
    let once = run(&mut Fake::scattered(90), &requests(&prompts), &settings).unwrap();
    let again = run(&mut Fake::scattered(90), &requests(&prompts), &settings).unwrap();
    assert_eq!(once, again);
    let mut texts: Vec<_> = once.iter().map(|row| row.text.clone()).collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 8);
}

#[test]
fn neighbouring_seeds_and_rows_share_no_row_seed() {
    let seeds: std::collections::BTreeSet<u64> = (0..50)
        .flat_map(|seed| (0..50).map(move |row| Request::row_seed(seed, row)))
        .collect();
    assert_eq!(seeds.len(), 2500);
}

#[test]
fn what_does_not_fit_the_context_is_refused_before_anything_runs() {
    let mut model = Fake::scattered(10);
    model.context = Some(6);
    let requests = requests(&[vec![1; 3], vec![1; 4]]);
    assert!(run(&mut model, &requests[..1], &settings(3)).is_ok());
    model.widths.clear();
    let error = run(&mut model, &requests, &settings(3)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "request 1: 4 prompt tokens and 3 new ones exceed the context of 6"
    );
    assert!(model.widths.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_row_is_the_same_alone_and_in_any_batch_and_order(
        prompts in prop::collection::vec(prop::collection::vec(0u32..6, 1..6), 1..24),
        batch_size in 1usize..5,
        rotation in 0usize..9,
        (sampled, share_prefixes) in any::<(bool, bool)>(),
        (vocab, speculate) in (6usize..40, 0usize..6),
    ) {
        let sampling = if sampled { SAMPLED } else { Sampling::GREEDY };
        let stops = Stops { tokens: vec![3, 5], strings: vec!["\u{7}".into()], ignore_eos: false };
        let plain = Settings { sampling, stops, max_new_tokens: 12, batch_size, share_prefixes: false, speculate: 0 };
        let settings = Settings { share_prefixes, speculate, ..plain.clone() };
        let mut requests = requests(&prompts);
        // A small vocabulary repeats itself, so that guesses come true.
        let results = |requests: &[Request], settings: &Settings| {
            let mut rows = run(&mut Fake::scattered(vocab), requests, settings).unwrap();
            for row in &mut rows {
                assert!(row.passes > 0 && row.passes <= row.token_ids.len() + 1);
                row.passes = 0;
            }
            rows
        };
        let alone: Vec<_> = requests
            .iter()
            .flat_map(|request| results(std::slice::from_ref(request), &plain))
            .collect();
        prop_assert_eq!(&results(&requests, &settings), &alone);
        requests.rotate_left(rotation % prompts.len());
        let mut turned = results(&requests, &settings);
        turned.sort_by_key(|row| row.index);
        prop_assert_eq!(turned, alone);
    }

    #[test]
    fn groups_hold_every_request_once(
        lengths in prop::collection::vec(1usize..9, 0..60),
        batch_size in 1usize..4,
    ) {
        let prompts: Vec<_> = lengths.iter().map(|&length| vec![0; length]).collect();
        let found = groups(&requests(&prompts), batch_size);
        prop_assert!(found.iter().rev().skip(1).all(|group| group.len() == 8 * batch_size));
        let flat: Vec<usize> = found.concat();
        prop_assert!(flat.is_sorted_by_key(|&place| std::cmp::Reverse(lengths[place])));
        let mut places = flat;
        places.sort_unstable();
        prop_assert_eq!(places, (0..lengths.len()).collect::<Vec<_>>());
    }
}

#[test]
fn bad_requests_name_their_row() {
    let mut model = Fake::scattered(10);
    for (prompt, expected) in [
        (vec![], "request 1: the prompt is empty"),
        (
            vec![1, 10],
            "request 1: token 10 at position 1 of the prompt is outside the vocabulary of 10",
        ),
    ] {
        let error = run(&mut model, &requests(&[vec![1], prompt]), &settings(3)).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn bad_settings_name_their_field() {
    let strings = Stops {
        strings: vec![String::new()],
        ..Stops::default()
    };
    for (settings, expected) in [
        (
            settings(0),
            "setting max_new_tokens: expected at least 1, found 0",
        ),
        (
            Settings {
                batch_size: 0,
                ..settings(1)
            },
            "setting batch_size: expected at least 1, found 0",
        ),
        (
            Settings {
                stops: strings,
                ..settings(1)
            },
            "setting stops.strings: expected no empty string, found \"\"",
        ),
    ] {
        let error = run(&mut Fake::scattered(9), &requests(&[vec![1]]), &settings).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn logits_that_are_no_distribution_name_row_and_step() {
    let rule = |tokens: &[u32]| {
        let broken = tokens[0] == 2 && tokens.len() == 3;
        vec![1.0, if broken { f32::NAN } else { 0.0 }, 0.0]
    };
    let requests = requests(&[vec![1], vec![2]]);
    let error = run(&mut Fake::new(3, rule), &requests, &settings(5)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "request 1: logits at step 2 are not a distribution: NaN at token 1"
    );
}

#[test]
fn logits_of_a_wrong_size_are_refused() {
    let mut model = Fake::new(3, |_| vec![0.0; 4]);
    let error = run(&mut model, &requests(&[vec![1], vec![2]]), &settings(5)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "logits at step 0: expected 2 rows of 3, found 8 values with a vocabulary of 3"
    );
}

#[test]
fn what_the_caller_fails_with_is_passed_on() {
    let mut model = Fake::script(0xd900, &[0xd800]);
    let error = run(&mut model, &requests(&[vec![1]]), &settings(1)).unwrap_err();
    assert!(matches!(error, GenerateError::Decode { index: 0, .. }));
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "no letter 55296"
    );
}

#[test]
fn the_budget_is_a_reason_of_its_own() {
    let row = run(
        &mut Fake::scattered(90),
        &requests(&[vec![1]]),
        &settings(1),
    )
    .unwrap()
    .remove(0);
    assert_eq!(
        (row.token_ids.len(), row.finish_reason),
        (1, FinishReason::Length)
    );
}
