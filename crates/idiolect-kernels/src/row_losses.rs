//! The cross-entropy of rows of logits, and its gradient: in one step on the CPU in f32 or bf16 and on a GPU, else the plain
//! composition.

use burn::tensor::Tensor;

#[cfg(feature = "cube")]
use crate::cube;
#[cfg(feature = "flex")]
use crate::flex;
#[cfg(feature = "remote")]
use crate::remote;
use crate::{RowLoss, plain};

/// The cross-entropy of each row and its gradient with respect to the logits, without autodiff.
///
/// With `p = softmax(z)`: `nll = logsumexp(z) - z[target]` and `dz = (p - onehot(target)) * scale`.
/// Logits that nothing else owns are overwritten by the gradient.
///
/// # Shapes
///
/// - `logits`: `[rows, vocab]`
/// - `targets`: `rows` ids below `vocab`
///
/// # Panics
///
/// If the shapes disagree, or a target is not below `vocab`.
#[must_use]
pub fn row_loss(logits: Tensor<2>, targets: &[i64], scale: f64) -> RowLoss {
    check(&logits, targets);
    #[cfg(feature = "flex")]
    if flex::serves_half(&logits) {
        return flex::row_loss(logits, targets, scale);
    }
    #[cfg(feature = "cube")]
    if cube::is_on_gpu(&logits) {
        return cube::row_loss(logits, targets, scale);
    }
    #[cfg(feature = "remote")]
    if crate::is_elsewhere(&logits.device()) {
        return remote::row_loss(logits, targets, scale);
    }
    plain::row_loss(logits, targets, scale)
}

/// The cross-entropy of each row in nats, without a gradient.
///
/// # Shapes
///
/// - `logits`: `[rows, vocab]`
/// - `targets`: `rows` ids below `vocab`
/// - result: `[rows]` in f32
///
/// # Panics
///
/// If the shapes disagree, or a target is not below `vocab`.
#[must_use]
pub fn row_nll(logits: Tensor<2>, targets: &[i64]) -> Tensor<1> {
    check(&logits, targets);
    #[cfg(feature = "flex")]
    if flex::serves_half(&logits) {
        return flex::row_nll(logits, targets);
    }
    #[cfg(feature = "cube")]
    if cube::is_on_gpu(&logits) {
        return cube::row_nll(logits, targets);
    }
    #[cfg(feature = "remote")]
    if crate::is_elsewhere(&logits.device()) {
        return remote::row_nll(logits, targets);
    }
    plain::row_nll(logits, targets)
}

/// Compilers of kernels add no checks of their own for every GPU, so a target must be within its row.
fn check(logits: &Tensor<2>, targets: &[i64]) {
    let [rows, vocab] = logits.dims();
    assert_eq!(rows, targets.len(), "one target for each row of logits");
    let outside = |target: &&i64| !usize::try_from(**target).is_ok_and(|target| target < vocab);
    let outside = targets.iter().find(outside);
    assert!(outside.is_none(), "target {outside:?} of {vocab} logits");
}

#[cfg(test)]
#[cfg(feature = "flex")]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn targets_outside_a_row_are_refused() {
        for target in [-1, 5] {
            let logits = || Tensor::<2>::zeros([1, 5], &Device::flex());
            assert!(std::panic::catch_unwind(|| row_nll(logits(), &[target])).is_err());
            assert!(std::panic::catch_unwind(|| row_loss(logits(), &[target], 1.0)).is_err());
        }
    }
}
