//! Tensors on their way to a file: fetched from the device and converted when they are written.

use std::borrow::Cow;

use burn::module::Param;
use burn::tensor::Tensor;
use idiolect_kernels::dequantize;
use safetensors::{Dtype, View};

use super::stored::StoredType;
use crate::Decoder;
use crate::floats::transposed;
use crate::source::RawTensor;
use crate::tensor_spec::{TensorSpec, tensor_specs};

/// A tensor that is fetched and converted when it is written.
pub(super) struct Lazy {
    tensor: LazyTensor,
    shape: Vec<usize>,
    dtype: Dtype,
}

/// A tensor of a decoder, still on its device.
pub(crate) enum LazyTensor {
    Vector(Param<Tensor<1>>),
    Matrix(Param<Tensor<2>>),
    /// `[in, out]` in memory, `[out, in]` on disk.
    Transposed(Param<Tensor<2>>),
    /// Copied as it is stored.
    Raw(Vec<u8>),
}

impl Lazy {
    /// A tensor of another checkpoint, copied as it is.
    pub(super) fn raw(tensor: RawTensor) -> Self {
        Self {
            tensor: LazyTensor::Raw(tensor.bytes),
            shape: tensor.shape,
            dtype: tensor.dtype,
        }
    }

    /// The values in f32; none of a tensor that is copied.
    pub(super) fn values(&self) -> Vec<f32> {
        self.tensor.values()
    }
}

impl LazyTensor {
    /// The values in f32, as they are on disk; none of a tensor that is copied.
    pub(crate) fn values(&self) -> Vec<f32> {
        let read = |data: burn::tensor::TensorData| data.iter::<f32>().collect::<Vec<f32>>();
        match self {
            Self::Vector(param) => read(param.val().into_data()),
            Self::Matrix(param) => read(dequantize(param.val()).into_data()),
            Self::Transposed(param) => {
                let columns = param.val().dims()[1];
                transposed(&read(dequantize(param.val()).into_data()), columns)
            }
            Self::Raw(_) => Vec::new(),
        }
    }
}

impl View for Lazy {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        if let LazyTensor::Raw(bytes) = &self.tensor {
            return bytes.into();
        }
        let values = self.tensor.values();
        match self.dtype {
            Dtype::F16 => StoredType::F16.bytes(&values).into(),
            Dtype::BF16 => StoredType::Bf16.bytes(&values).into(),
            _ => StoredType::F32.bytes(&values).into(),
        }
    }

    fn data_len(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.bitsize() / 8
    }
}

/// Every tensor of a decoder, in the order of [`tensor_specs`].
pub(crate) fn plain_tensors(decoder: &Decoder) -> Vec<LazyTensor> {
    let weights = &decoder.weights;
    let mut tensors = vec![LazyTensor::Matrix(weights.embedding.clone())];
    for block in &weights.blocks {
        tensors.push(LazyTensor::Vector(block.input_norm.clone()));
        tensors.push(LazyTensor::Vector(block.post_norm.clone()));
        tensors.extend(
            block
                .projections
                .iter()
                .cloned()
                .map(LazyTensor::Transposed),
        );
        let extras = block.extras.named().into_iter();
        tensors.extend(extras.map(|(_, tensor)| LazyTensor::Vector(tensor)));
    }
    tensors.push(LazyTensor::Vector(weights.norm.clone()));
    tensors.extend(weights.head.iter().cloned().map(LazyTensor::Transposed));
    tensors
}

/// Every tensor with its name, in the order of [`tensor_specs`].
pub(super) fn stored_tensors(decoder: &Decoder, stored: StoredType) -> Vec<(String, Lazy)> {
    let lazy = |(TensorSpec { name, shape }, tensor)| {
        let name = decoder.config.wrapper.stored_name(&name);
        let dtype = stored.tag();
        let lazy = Lazy {
            tensor,
            shape,
            dtype,
        };
        (name, lazy)
    };
    tensor_specs(&decoder.config)
        .into_iter()
        .zip(plain_tensors(decoder))
        .map(lazy)
        .collect()
}
