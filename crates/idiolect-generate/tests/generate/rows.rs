//! What one row gives: its lead, its penalty, its seed.

use idiolect_generate::{GenerationConfig, Request, Sampling};

use crate::fake::{Fake, SAMPLED, requests, run, settings};

#[test]
fn greedy_rows_report_their_smallest_lead() {
    let leads = [0.5f32, 0.125, 2.0];
    let rule = move |tokens: &[u32]| vec![1.0, 1.0 + leads[tokens.len() - 1], 0.0];
    let results = run(&mut Fake::new(3, rule), &requests(&[vec![0]]), &settings(3)).unwrap();
    assert_eq!(
        (results[0].token_ids.as_slice(), results[0].min_margin),
        (&[1, 1, 1][..], Some(0.125))
    );
    let sampled = GenerationConfig {
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
    let settings = GenerationConfig {
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
    let settings = GenerationConfig {
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
