//! Recipes run: the loop inside another program ends when another thread says so.
#![allow(clippy::expect_used, reason = "helpers of tests end them")]

#[allow(dead_code, reason = "its main is not called here")]
#[path = "../../examples/recipes/04_own_loss.rs"]
mod own_loss;

#[test]
fn a_loss_of_ones_own_falls_until_another_thread_ends_the_run() {
    let Some(shared) = idiolect_testkit::shared() else {
        return;
    };
    let folder = shared.join("oracles/tiny/tiny-llama3");
    let losses = own_loss::train(&folder, 4.0).expect("a run");
    assert!((2..200).contains(&losses.len()), "{losses:?}");
    assert!(losses.iter().any(|loss| *loss < 4.0), "{losses:?}");
    assert!(losses[0] > 5.0, "{losses:?}");
}
