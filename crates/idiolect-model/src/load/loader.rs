//! Moves tensors from a checkpoint into the weights of a decoder, one at a time.

use std::path::{Path, PathBuf};

use burn::module::Param;
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};

use idiolect_kernels::{from_blocks, keeps_blocks, transpose};

use super::report::{Cast, LoadReport};
use crate::block::biased;
use crate::decoder::Weights;
use crate::floats::beyond_f16;
use crate::source::{Source, StoredTensor, transposed};
use crate::tensor_spec::{TensorSpec, tensor_specs};
use crate::{Bits, Block, BlockExtras, ModelConfig, ModelError, Projection, Wrapper};

/// Where weights go.
#[derive(Clone, Copy)]
pub(super) struct Placement<'a> {
    pub(super) device: &'a Device,
    pub(super) dtype: FloatDType,
    pub(super) matrices: Matrices,
}

impl<'a> Placement<'a> {
    pub(super) fn new(device: &'a Device, dtype: FloatDType, matrices: Matrices) -> Self {
        Self {
            device,
            dtype,
            matrices,
        }
    }
}

/// What matrices are kept in.
#[derive(Clone, Copy)]
pub(super) enum Matrices {
    /// The type of the rest.
    Plain,
    /// Projections in so many bits, embedding and head in the type of the rest.
    Quantized(Bits),
    /// The blocks of their file where the device reads those, else as the rest.
    AsStored,
}

/// Moves tensors from a source into weights, and reports what it did.
pub(super) struct Loader<'a> {
    config: &'a ModelConfig,
    specs: std::vec::IntoIter<TensorSpec>,
    names: Vec<String>,
    source: &'a mut dyn Source,
    placement: Placement<'a>,
    report: LoadReport,
}

impl<'a> Loader<'a> {
    pub(super) fn new(
        config: &'a ModelConfig,
        source: &'a mut dyn Source,
        placement: Placement<'a>,
    ) -> Self {
        let names = source.names();
        let specs = tensor_specs(config).into_iter();
        Self {
            config,
            specs,
            names,
            source,
            placement,
            report: LoadReport::default(),
        }
    }

    pub(super) fn require_all(&self, path: &Path) -> Result<(), ModelError> {
        self.refuse_more_blocks(path)?;
        let absent = |spec: &&TensorSpec| self.names.binary_search(&spec.name).is_err();
        let missing = self.specs.as_slice().iter().filter(absent);
        let tensors: Vec<String> = missing.map(|spec| spec.name.clone()).collect();
        if tensors.is_empty() {
            Ok(())
        } else {
            Err(ModelError::Missing {
                path: path.into(),
                tensors,
            })
        }
    }

    /// A checkpoint with more blocks than its configuration says would be another model without them.
    fn refuse_more_blocks(&self, path: &Path) -> Result<(), ModelError> {
        let layers = self.config.num_layers;
        let beyond = |name: &&String| block_of(name).is_some_and(|block| block >= layers);
        match self.names.iter().find(beyond) {
            Some(name) => {
                let expected = format!("no block beyond the {layers} of the configuration");
                Err(ModelError::corrupt(
                    path,
                    format!("tensor {name}"),
                    expected,
                    "another",
                ))
            }
            None => Ok(()),
        }
    }

    /// Reads all tensors. The order of the calls is the order of [`tensor_specs`].
    pub(super) fn weights(&mut self) -> Result<Weights, ModelError> {
        let embedding = self.embedding()?;
        let blocks = (0..self.config.num_layers)
            .map(|_| self.block())
            .collect::<Result<_, _>>()?;
        let norm = self.vector()?;
        let head = if self.config.tied {
            None
        } else {
            Some(self.head()?)
        };
        Ok(Weights {
            embedding,
            blocks,
            norm,
            head,
        })
    }

    fn block(&mut self) -> Result<Block, ModelError> {
        Ok(Block {
            input_norm: self.vector()?,
            post_norm: self.vector()?,
            projections: Projection::ALL
                .iter()
                .map(|_| self.projection())
                .collect::<Result<_, _>>()?,
            extras: self.extras()?,
        })
    }

    fn extras(&mut self) -> Result<BlockExtras, ModelError> {
        let biased = biased(&self.config.switches);
        let biases = biased.iter().map(|_| self.vector());
        let biases = biases.collect::<Result<_, _>>()?;
        let has = self.config.switches.head_norms;
        Ok(BlockExtras {
            biases,
            biased,
            query_norm: has.then(|| self.vector()).transpose()?,
            key_norm: has.then(|| self.vector()).transpose()?,
        })
    }

    fn embedding(&mut self) -> Result<Param<Tensor<2>>, ModelError> {
        match self.kept()? {
            Some(weight) => Ok(frozen(transpose(weight))),
            None => self.matrix(false),
        }
    }

    fn head(&mut self) -> Result<Param<Tensor<2>>, ModelError> {
        match self.kept()? {
            Some(weight) => Ok(frozen(weight)),
            None => self.matrix(true),
        }
    }

    fn projection(&mut self) -> Result<Param<Tensor<2>>, ModelError> {
        match self.placement.matrices {
            Matrices::Quantized(bits) => {
                let weight = self.matrix(true)?;
                Ok(Param::initialized(weight.id, bits.quantize(weight.val())))
            }
            _ => self.head(),
        }
    }

    /// The next tensor in the blocks of its file, `[in, out]`; none where it has none that the device reads.
    fn kept(&mut self) -> Result<Option<Tensor<2>>, ModelError> {
        let Some(TensorSpec { name, shape }) = self.specs.as_slice().first() else {
            return Ok(None);
        };
        let as_stored = matches!(self.placement.matrices, Matrices::AsStored);
        if !as_stored || !keeps_blocks(self.placement.device) {
            return Ok(None);
        }
        let Some(stored) = self.source.read_blocks(name)? else {
            return Ok(None);
        };
        // A tensor of another shape is told by reading it.
        let fits = *shape == stored.shape;
        let weight = fits.then(|| from_blocks(stored.bytes, stored.of, stored.shape));
        let weight = weight.flatten();
        if weight.is_some() {
            self.report.loaded.push(name.clone());
            *self.report.kept.entry(stored.stored.into()).or_default() += 1;
            self.specs.next();
        }
        Ok(weight)
    }

    fn vector(&mut self) -> Result<Param<Tensor<1>>, ModelError> {
        let StoredTensor { shape, values, .. } = self.next()?;
        Ok(self.upload(values, [shape.first().copied().unwrap_or(0)]))
    }

    fn matrix(&mut self, transpose: bool) -> Result<Param<Tensor<2>>, ModelError> {
        let StoredTensor { shape, values, .. } = self.next()?;
        let [rows, columns] = [shape.first(), shape.get(1)].map(|n| n.copied().unwrap_or(0));
        if transpose {
            let transposed = transposed(&values, columns);
            drop(values);
            Ok(self.upload(transposed, [columns, rows]))
        } else {
            Ok(self.upload(values, [rows, columns]))
        }
    }

    fn upload<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Param<Tensor<D>> {
        let Placement { device, dtype, .. } = self.placement;
        let place = (device, DType::from(dtype));
        let upload = |data: TensorData| Tensor::from_data(data, place);
        let data = TensorData::new(values, shape);
        // On a GPU, memory that lives as long as the run is apart from the pages that steps share.
        let tensor = device.memory_persistent_allocations(data, upload);
        // Frozen; full fine-tuning changes that.
        Param::from_tensor(tensor).set_require_grad(false)
    }

    /// Reads the next tensor and checks its shape.
    fn next(&mut self) -> Result<StoredTensor, ModelError> {
        let Some(TensorSpec { name, shape }) = self.specs.next() else {
            return Err(ModelError::Missing {
                path: PathBuf::new(),
                tensors: Vec::new(),
            });
        };
        let stored = self.source.read(&name)?;
        if stored.shape != shape {
            let path = self.source.file(&name);
            return Err(ModelError::Shape {
                path,
                tensor: name,
                expected: shape,
                found: stored.shape,
            });
        }
        self.fits(&name, &stored.values)?;
        let loaded = format!("{:?}", self.placement.dtype).to_uppercase();
        if stored.stored != loaded {
            self.report.cast.push(Cast {
                tensor: name.clone(),
                stored: stored.stored.clone(),
                loaded,
            });
        }
        self.report.loaded.push(name);
        Ok(stored)
    }

    /// Refuses values that would be infinite in memory.
    fn fits(&self, name: &str, values: &[f32]) -> Result<(), ModelError> {
        if self.placement.dtype != FloatDType::F16 {
            return Ok(());
        }
        beyond_f16(values).map_or(Ok(()), |value| {
            let (path, what) = (self.source.file(name), format!("tensor {name}"));
            let expected = "values below 65520 for dtype f16";
            Err(ModelError::corrupt(&path, what, expected, value))
        })
    }

    pub(super) fn finish(mut self) -> LoadReport {
        let loaded: std::collections::BTreeSet<&String> = self.report.loaded.iter().collect();
        let others = self.names.iter().filter(|name| !loaded.contains(name));
        let others = others.cloned().collect();
        if self.config.wrapper == Wrapper::None {
            self.report.unused = others;
        } else {
            self.report.carried = others;
        }
        self.report
    }
}

fn frozen(weight: Tensor<2>) -> Param<Tensor<2>> {
    Param::from_tensor(weight).set_require_grad(false)
}

/// The block that a tensor belongs to, by its name in a folder or in a GGUF file.
fn block_of(name: &str) -> Option<usize> {
    let rest = name.strip_prefix("model.layers.");
    let rest = rest.or_else(|| name.strip_prefix("blk."))?;
    rest.split('.').next()?.parse().ok()
}
