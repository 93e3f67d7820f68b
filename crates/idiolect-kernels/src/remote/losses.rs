//! The head's loss on the backends that can be lent.

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn_remote::ir::BackendIr;

use crate::extension::backend::Steps;

/// A backend that has the head's loss beside its steps.
pub(super) trait Losses: BackendIr + Steps {
    /// The loss of each row, and the gradient of its logits in f32.
    fn losses(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        scale: f64,
    ) -> [FloatTensor<Self>; 2];

    /// The loss of each row.
    fn losses_alone(logits: FloatTensor<Self>, targets: IntTensor<Self>) -> FloatTensor<Self>;
}

#[cfg(feature = "flex")]
mod cpu {
    use burn::backend::Flex;
    use burn::tensor::{Int, Tensor};
    use burn_flex::FlexTensor;

    use super::Losses;
    use crate::flex;

    impl Losses for Flex {
        fn losses(logits: FlexTensor, targets: FlexTensor, scale: f64) -> [FlexTensor; 2] {
            #[allow(clippy::cast_possible_truncation)] // the gradient is f32
            let scale = scale as f32;
            flex::row_loss_of(logits, &ids(targets), scale)
        }

        fn losses_alone(logits: FlexTensor, targets: FlexTensor) -> FlexTensor {
            flex::row_nll_of(logits, &ids(targets))
        }
    }

    fn ids(targets: FlexTensor) -> Vec<i64> {
        let targets = Tensor::<1, Int>::from_primitive::<Flex>(targets);
        targets.into_data().iter::<i64>().collect()
    }
}

#[cfg(feature = "cube")]
mod gpu {
    use burn::backend::Cube;
    use burn::backend::ops::FloatTensorOps;
    use burn::backend::tensor::{FloatTensor, IntTensor};
    use burn::tensor::FloatDType;

    use super::Losses;
    use crate::cube::HeadLosses;

    impl Losses for Cube {
        fn losses(
            logits: FloatTensor<Self>,
            targets: IntTensor<Self>,
            scale: f64,
        ) -> [FloatTensor<Self>; 2] {
            let losses = <Self as HeadLosses>::row_losses(logits, targets, scale);
            let gradient = Self::float_cast(losses.gradient, FloatDType::F32);
            [losses.nll, gradient]
        }

        fn losses_alone(logits: FloatTensor<Self>, targets: IntTensor<Self>) -> FloatTensor<Self> {
            <Self as HeadLosses>::row_losses_alone(logits, targets)
        }
    }
}
