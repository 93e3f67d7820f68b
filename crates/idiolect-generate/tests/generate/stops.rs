//! Where a row ends: stop tokens, stop strings, the budget.

use idiolect_generate::{BoxError, FinishReason, Generated, GenerationConfig, Stops, generate};

use crate::fake::{Fake, requests, run, settings};

const A: u32 = 97;
const B: u32 = 98;
const C: u32 = 99;
const HASH: u32 = 35;
const END: u32 = 2;

/// One row that goes on with `script`, at most six tokens.
fn row(script: &'static [u32], stops: Stops) -> Generated {
    let settings = GenerationConfig {
        stops,
        ..settings(6)
    };
    run(
        &mut Fake::script(128, script),
        &requests(&[vec![1]]),
        &settings,
    )
    .unwrap()
    .remove(0)
}

fn strings(strings: &[&str]) -> Stops {
    Stops {
        strings: strings.iter().map(ToString::to_string).collect(),
        ..Stops::default()
    }
}

#[test]
fn a_stop_token_ends_the_row_and_is_not_part_of_it() {
    let stops = Stops {
        tokens: vec![7, END],
        ..Stops::default()
    };
    let found = row(&[A, B, END, C], stops.clone());
    assert_eq!(
        (found.text.as_str(), &found.finish_reason),
        ("ab", &FinishReason::Stop)
    );
    assert_eq!(found.token_ids, [A, B]);
    let empty = row(&[END], stops);
    assert_eq!((empty.text.as_str(), empty.token_ids.len()), ("", 0));
}

#[test]
fn ignoring_the_end_goes_on_past_it_without_suppressing_it() {
    let stops = Stops {
        tokens: vec![END],
        ignore_eos: true,
        ..Stops::default()
    };
    let found = row(&[A, END, C], stops);
    assert_eq!(found.token_ids, [A, END, C, A, END, C]);
    assert_eq!(found.finish_reason, FinishReason::Length);
}

#[test]
fn a_stop_string_may_span_tokens() {
    let found = row(&[A, HASH, HASH, HASH, B], strings(&["###"]));
    assert_eq!(
        (found.text.as_str(), &found.finish_reason),
        ("a", &FinishReason::StopString)
    );
    assert_eq!(found.token_ids, [A, HASH, HASH, HASH]);
}

#[test]
fn the_beginning_of_a_stop_string_alone_is_kept() {
    let found = row(&[A, HASH, HASH, B], strings(&["###"]));
    assert_eq!(
        (found.text.as_str(), &found.finish_reason),
        ("a##ba#", &FinishReason::Length)
    );
}

#[test]
fn the_text_is_cut_before_the_earliest_of_several() {
    // Both are complete with the same token.
    let found = row(&[A, B, C], strings(&["c", "bc"]));
    assert_eq!(found.text, "a");
}

#[test]
fn the_last_token_of_the_budget_may_complete_a_stop_string() {
    let found = row(&[A, A, A, A, A, B], strings(&["ab"]));
    assert_eq!(
        (found.text.as_str(), &found.finish_reason),
        ("aaaa", &FinishReason::StopString)
    );
}

#[test]
fn a_stop_token_inside_a_stop_string_comes_first() {
    let stops = Stops {
        tokens: vec![B],
        ..strings(&["ab"])
    };
    let found = row(&[A, B], stops);
    assert_eq!(
        (found.text.as_str(), &found.finish_reason),
        ("a", &FinishReason::Stop)
    );
}

#[test]
fn the_prompt_is_not_searched() {
    let settings = GenerationConfig {
        stops: strings(&["a"]),
        ..settings(2)
    };
    let requests = requests(&[vec![A]]);
    let found = run(&mut Fake::script(128, &[B, C]), &requests, &settings)
        .unwrap()
        .remove(0);
    assert_eq!(found.text, "bc");
}

#[test]
fn a_stop_string_may_lie_inside_one_token_and_between_bytes_of_letters() {
    // Token 0 is the first half of "é", 1 the second half with what follows.
    let pieces: [&[u8]; 3] = [b"x\xc3", b"\xa9 STOP y", b"z"];
    let decode = |tokens: &[u32]| -> Result<String, BoxError> {
        let bytes: Vec<u8> = tokens
            .iter()
            .flat_map(|&token| pieces[token as usize].iter().copied())
            .collect();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let settings = GenerationConfig {
        stops: strings(&[" STOP", "é ST"]),
        ..settings(3)
    };
    let found = generate(
        &mut Fake::script(3, &[0, 1, 2]),
        &requests(&[vec![1]]),
        &settings,
        &decode,
        &mut |_| std::ops::ControlFlow::Continue(()),
    )
    .unwrap();
    assert_eq!((found[0].text.as_str(), found[0].token_ids.len()), ("x", 2));
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
        (row.token_ids.len(), &row.finish_reason),
        (1, &FinishReason::Length)
    );
}
