//! Comparison of lists of numbers, with the place of the largest difference.

/// The largest absolute difference and its index; NaN counts as an infinite difference.
///
/// # Panics
///
/// When the lengths differ.
#[must_use]
pub fn max_abs_diff(got: &[f32], want: &[f32]) -> (f32, usize) {
    assert_eq!(got.len(), want.len(), "lengths differ");
    let far = |(i, (g, w)): (usize, (&f32, &f32))| {
        let off = (g - w).abs();
        (if off.is_nan() { f32::INFINITY } else { off }, i)
    };
    let all = got.iter().zip(want).enumerate().map(far);
    all.fold(
        (0.0, 0),
        |worst, here| if here.0 > worst.0 { here } else { worst },
    )
}

/// Checks that no number is further than `tolerance` from its expected value.
///
/// # Panics
///
/// When one is, or the lengths differ: the message has `what`, the index, both values and the difference.
pub fn assert_close(what: &str, got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len(), "{what}: lengths differ");
    let (off, at) = max_abs_diff(got, want);
    assert!(
        off <= tolerance,
        "{what}: at {at} of {}: expected {}, got {}, difference {off:e}, tolerance {tolerance:e}",
        got.len(),
        want[at],
        got[at]
    );
}
