//! The cross-entropy of rows of logits, a row a cube, and its gradient, in the memory of the logits where nothing else
//! owns it.
//!
//! With `p = softmax(z)`: `nll = logsumexp(z) - z[target]` and `dz = (p - onehot(target)) * scale`. A row is read twice,
//! a third time where the gradient is written.

pub(super) mod kernels;

use burn::backend::fusion::custom::TensorSpec;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, ExtensionType, TensorMetadata, backend_extension};
use burn::tensor::{DType, Device, Int, Shape, Tensor, TensorData};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::ir::ElemType;
use cubecl::prelude::{CubeCount, CubeDim};

use self::kernels::{row_losses, row_losses_and_gradients};
use super::launch::{cubes, element, empty, output_of, units};
use crate::RowLoss;

/// The cross-entropy of rows of logits.
#[derive(Debug, Clone, ExtensionType)]
#[extension_type(fusion)]
pub(crate) struct RowLosses<B: Backend> {
    /// `[rows]` in f32.
    pub(crate) nll: FloatTensor<B>,
    /// The gradient of the logits, in their type.
    pub(crate) gradient: FloatTensor<B>,
}

/// The head's loss on a GPU.
#[backend_extension(Cube, Fusion)]
pub(crate) trait HeadLosses: Backend {
    /// The loss of each row, and the gradient of its logits.
    #[fusion(meta = |logits, targets, _scale| RowLossesMetadata {
        nll: TensorSpec::new(targets.shape.clone(), DType::F32),
        gradient: logits.clone(),
    })]
    fn row_losses(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        scale: f64,
    ) -> RowLosses<Self>;
    /// The loss of each row.
    #[fusion(meta = |_logits, targets| TensorSpec::new(targets.shape.clone(), DType::F32))]
    fn row_losses_alone(logits: FloatTensor<Self>, targets: IntTensor<Self>) -> FloatTensor<Self>;
}

/// [`crate::row_loss`] on a GPU.
pub(crate) fn row_loss(logits: Tensor<2>, targets: &[i64], scale: f64) -> RowLoss {
    let targets = ids(targets, &logits.device());
    let (logits, targets) = (
        logits.without_autodiff().into_dispatch(),
        targets.into_dispatch(),
    );
    let losses = <Dispatch as HeadLosses>::row_losses(logits, targets, scale);
    RowLoss {
        nll: Tensor::from_dispatch(losses.nll),
        gradient: Tensor::from_dispatch(losses.gradient),
    }
}

/// [`crate::row_nll`] on a GPU.
pub(crate) fn row_nll(logits: Tensor<2>, targets: &[i64]) -> Tensor<1> {
    let targets = ids(targets, &logits.device());
    let (logits, targets) = (
        logits.without_autodiff().into_dispatch(),
        targets.into_dispatch(),
    );
    Tensor::from_dispatch(<Dispatch as HeadLosses>::row_losses_alone(logits, targets))
}

/// Ids in 32 bits, as kernels read them.
fn ids(targets: &[i64], device: &Device) -> Tensor<1, Int> {
    let data = TensorData::new(targets.to_vec(), [targets.len()]);
    Tensor::from_data(data, (&device.clone().inner(), DType::I32))
}

/// What both kernels are launched with.
struct Launch {
    logits: CubeTensor,
    targets: CubeTensor,
    /// The losses, without values yet.
    nll: CubeTensor,
    cubes: CubeCount,
    units: u32,
    element: ElemType,
}

impl Launch {
    fn new(logits: CubeTensor, targets: CubeTensor) -> Self {
        let (logits, targets) = (into_contiguous(logits), into_contiguous(targets));
        let [rows, vocab] = logits.shape().dims();
        Self {
            nll: empty(&logits, Shape::new([rows]), DType::F32),
            cubes: cubes(&logits, rows),
            units: units(&logits, vocab),
            element: element(&logits),
            logits,
            targets,
        }
    }
}

impl HeadLosses for CubeBackend {
    #[allow(clippy::cast_possible_truncation)] // kernels compute in f32
    fn row_losses(logits: CubeTensor, targets: CubeTensor, scale: f64) -> RowLosses<Self> {
        let launch = Launch::new(logits, targets);
        let (client, nll) = (launch.logits.client.clone(), launch.nll.clone());
        let output = output_of(&launch.logits);
        let out = output.argument(0);
        row_losses_and_gradients::launch(
            &client,
            launch.cubes,
            CubeDim::new_1d(launch.units),
            launch.logits.into_tensor_arg(),
            launch.targets.into_tensor_arg(),
            launch.nll.into_tensor_arg(),
            out,
            scale as f32,
            launch.units,
            launch.element,
        );
        RowLosses {
            nll,
            gradient: output.tensor,
        }
    }

    fn row_losses_alone(logits: CubeTensor, targets: CubeTensor) -> CubeTensor {
        let launch = Launch::new(logits, targets);
        let (client, nll) = (launch.logits.client.clone(), launch.nll.clone());
        row_losses::launch(
            &client,
            launch.cubes,
            CubeDim::new_1d(launch.units),
            launch.logits.into_tensor_arg(),
            launch.targets.into_tensor_arg(),
            launch.nll.into_tensor_arg(),
            launch.units,
            launch.element,
        );
        nll
    }
}
