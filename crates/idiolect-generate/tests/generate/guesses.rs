//! Guesses of a row's next tokens: the passes they save, and those they do not cost.

use idiolect_generate::GenerationConfig;

use crate::fake::{Fake, one_hot, requests, run, settings};

#[test]
fn guesses_save_passes_where_a_row_repeats_itself() {
    // The prompt's second half is its first; the answer goes on so.
    let script = &[1, 2, 3, 4, 5];
    let mut model = Fake::new(9, |tokens| one_hot(9, script[tokens.len() % 5]));
    let prompt: Vec<u32> = script.iter().copied().cycle().take(10).collect();
    let settings = GenerationConfig {
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
    let settings = GenerationConfig {
        speculate: 8,
        ..settings(4)
    };
    let prompt = vec![1, 2, 3, 4, 1, 2];
    let row = run(&mut model, &requests(&[prompt]), &settings)
        .unwrap()
        .remove(0);
    assert_eq!((row.passes, model.tokens), (4, vec![8, 1, 1, 1]));
}
