//! What is refused, before anything runs and of the model's output, with its place.

use std::ops::ControlFlow;

use idiolect_generate::{
    BoxError, Decisive, GenerateError, GenerationConfig, Largest, Logits, NextLogits, RowPart,
    Stops, generate,
};

use crate::fake::{Fake, decode, requests, run, settings};

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
        (settings(0), "max_new_tokens: expected at least 1, found 0"),
        (
            GenerationConfig {
                batch_size: 0,
                ..settings(1)
            },
            "batch_size: expected at least 1, found 0",
        ),
        (
            GenerationConfig {
                stops: strings,
                ..settings(1)
            },
            "stops.strings: expected no empty string, found \"\"",
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

/// Gives two equal logits of each row, so that the row is asked for, and then nothing.
struct Forgetful;

impl NextLogits for Forgetful {
    fn vocab(&self) -> usize {
        3
    }

    fn begin(&mut self, _: usize, _: usize) -> Result<(), BoxError> {
        Ok(())
    }

    fn share(&mut self, _: usize) -> Result<(), BoxError> {
        Ok(())
    }

    fn pass(&mut self, _: &[RowPart<'_>]) -> Result<Logits, BoxError> {
        Err("only the largest are there".into())
    }

    fn pass_largest(
        &mut self,
        parts: &[RowPart<'_>],
        _: Decisive,
    ) -> Result<Option<Vec<Largest>>, BoxError> {
        let row = Largest {
            entries: vec![(0, 1.0), (1, 1.0)],
            all_finite: true,
            mass: None,
        };
        Ok(Some(vec![row; parts.len()]))
    }

    fn whole(&mut self, _: usize) -> Result<Vec<f32>, BoxError> {
        Ok(Vec::new())
    }
}

#[test]
fn a_row_read_whole_of_a_wrong_size_is_refused() {
    let requests = requests(&[vec![1]]);
    let error = generate(
        &mut Forgetful,
        &requests,
        &settings(5),
        &decode,
        &mut |_| ControlFlow::Continue(()),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "logits at step 0: expected 1 rows of 3, found 0 values with a vocabulary of 0"
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
