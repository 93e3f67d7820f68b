//! Moves tensors from a checkpoint into the weights of a decoder, one at a time.

use std::path::PathBuf;

use burn::module::Param;
use burn::tensor::{DType, Element, FloatDType, Tensor, TensorData};

use idiolect_kernels::{from_blocks, keeps_blocks, transpose};

use super::placement::{Matrices, Placement, Turn, arranged, converts};
use super::report::{Cast, LoadReport};
use crate::block::biased;
use crate::decoder::Weights;
use crate::floats::{Order, beyond_f16, of_bf16, require_finite, transposed, widened};
use crate::source::{Source, StoredTensor};
use crate::tensor_spec::{TensorSpec, tensor_specs};
use crate::{Block, BlockExtras, ModelConfig, ModelError, Projection, Wrapper};

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
            None => self.matrix(Turn::None),
        }
    }

    fn head(&mut self) -> Result<Param<Tensor<2>>, ModelError> {
        match self.kept()? {
            Some(weight) => Ok(frozen(weight)),
            None => self.matrix(self.placement.turn()),
        }
    }

    fn projection(&mut self) -> Result<Param<Tensor<2>>, ModelError> {
        match self.placement.matrices {
            Matrices::Quantized(bits) => {
                let weight = self.matrix(self.placement.turn())?;
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

    fn matrix(&mut self, turn: Turn) -> Result<Param<Tensor<2>>, ModelError> {
        let weight = match self.converted(turn)? {
            Some(weight) => weight,
            None => self.widened(turn)?,
        };
        Ok(match turn {
            Turn::View => frozen(weight.val().transpose()),
            _ => weight,
        })
    }

    /// The next tensor by way of f32.
    fn widened(&mut self, turn: Turn) -> Result<Param<Tensor<2>>, ModelError> {
        let StoredTensor { shape, values, .. } = self.next()?;
        let (order, shape) = arranged(&shape, turn);
        Ok(match order {
            Order::Stored => self.upload(values, shape),
            Order::Transposed(columns) => self.upload(transposed(&values, columns), shape),
        })
    }

    /// The next tensor, whose values become those of the placement as they are put in their order; none where they are
    /// not stored as floats that do.
    fn converted(&mut self, turn: Turn) -> Result<Option<Param<Tensor<2>>>, ModelError> {
        let Some(TensorSpec { name, shape }) = self.specs.as_slice().first() else {
            return Ok(None);
        };
        let to = self.placement.dtype;
        if !converts(self.source.stored(name).as_deref(), to) {
            return Ok(None);
        }
        // Freed behind each tensor: the system's allocator then takes memory for weights from its own store, where training
        // reads them faster than from pages that each tensor has asked the system for.
        let mut memory = Vec::new();
        let Some(raw) = self.source.read_raw(name, &mut memory)? else {
            return Ok(None);
        };
        let (name, shape) = (name.clone(), shape.clone());
        self.specs.next();
        self.require_shape(&name, shape, &raw.shape)?;
        let (bytes, dtype) = (&memory[..raw.size], raw.dtype);
        let path = || self.source.file(&name);
        require_finite(bytes, dtype).map_err(|problem| problem.in_tensor(&path(), &name))?;
        let (order, shape) = arranged(&raw.shape, turn);
        let weight = match to {
            FloatDType::BF16 => Some(self.upload(of_bf16(bytes, order), shape)),
            _ => widened(bytes, dtype, order).map(|values| self.upload(values, shape)),
        };
        self.loaded(name, &format!("{dtype:?}"));
        Ok(weight)
    }

    fn upload<E: Element, const D: usize>(
        &self,
        values: Vec<E>,
        shape: [usize; D],
    ) -> Param<Tensor<D>> {
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
        self.require_shape(&name, shape, &stored.shape)?;
        self.fits(&name, &stored.values)?;
        self.loaded(name, &stored.stored);
        Ok(stored)
    }

    fn require_shape(
        &self,
        name: &str,
        expected: Vec<usize>,
        found: &[usize],
    ) -> Result<(), ModelError> {
        if found == expected {
            return Ok(());
        }
        Err(ModelError::Shape {
            path: self.source.file(name),
            tensor: name.into(),
            expected,
            found: found.into(),
        })
    }

    /// Notes a tensor and the type that it is stored in.
    fn loaded(&mut self, name: String, stored: &str) {
        let loaded = format!("{:?}", self.placement.dtype).to_uppercase();
        if stored != loaded {
            self.report.cast.push(Cast {
                tensor: name.clone(),
                stored: stored.into(),
                loaded,
            });
        }
        self.report.loaded.push(name);
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
