//! Checkpoint to decoder, tensor by tensor, with a report of what happened.

use std::path::{Path, PathBuf};

use burn::module::Param;
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};

use crate::decoder::{Decoder, Weights};
use crate::gguf::GgufFile;
use crate::source::{Folder, Source, transposed};
use crate::{Bits, Block, ModelConfig, ModelError, Projection};

/// What loading did with each tensor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Names of the tensors that are now in the decoder.
    pub loaded: Vec<String>,
    /// Names in the checkpoint that the architecture has no use for.
    pub unused: Vec<String>,
    /// Tensors whose type changed: name, type on disk, type in memory.
    pub cast: Vec<(String, String, String)>,
}

/// Reads a Hugging Face folder or a `.gguf` file.
///
/// Weights are stored and computed with in `dtype`. At most one tensor is held twice at any time.
///
/// # Errors
///
/// Every [`ModelError`]: the file, the setting or the tensor that is missing, malformed or misshapen. All
/// missing tensors are named together.
pub fn load(
    path: &Path,
    device: &Device,
    dtype: FloatDType,
) -> Result<(Decoder, LoadReport), ModelError> {
    read(path, (device, dtype), None)
}

/// As [`load`], with every projection of a block packed into `bits` as soon as it is read.
///
/// # Errors
///
/// As for [`load`].
pub fn load_packed(
    path: &Path,
    device: &Device,
    dtype: FloatDType,
    bits: Bits,
) -> Result<(Decoder, LoadReport), ModelError> {
    read(path, (device, dtype), Some(bits))
}

fn read(
    path: &Path,
    kind: (&Device, FloatDType),
    bits: Option<Bits>,
) -> Result<(Decoder, LoadReport), ModelError> {
    let (config, mut source) = open(path)?;
    let mut loader = Loader::new(&config, source.as_mut(), kind);
    loader.bits = bits;
    loader.require_all(path)?;
    let weights = loader.weights()?;
    let report = loader.finish();
    Ok((Decoder::new(config, weights), report))
}

/// Reads only the configuration of a Hugging Face folder or a `.gguf` file.
///
/// # Errors
///
/// As for [`load`], without those about tensors.
pub fn read_config(path: &Path) -> Result<ModelConfig, ModelError> {
    if is_gguf(path) {
        let file = GgufFile::open(path)?;
        ModelConfig::from_json(&file.config()?, path)
    } else {
        require_folder(path)?;
        ModelConfig::read(path)
    }
}

fn open(path: &Path) -> Result<(ModelConfig, Box<dyn Source>), ModelError> {
    if is_gguf(path) {
        let file = GgufFile::open(path)?;
        Ok((
            ModelConfig::from_json(&file.config()?, path)?,
            Box::new(file),
        ))
    } else {
        require_folder(path)?;
        Ok((ModelConfig::read(path)?, Box::new(Folder::open(path)?)))
    }
}

fn is_gguf(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("gguf"))
}

fn require_folder(path: &Path) -> Result<(), ModelError> {
    std::fs::read_dir(path)
        .map(drop)
        .map_err(|source| ModelError::io(path, source))
}

/// The name of a tensor and its shape on disk.
pub(crate) struct Slot {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
}

/// Every tensor of an architecture, in the order of computation.
pub(crate) fn slots(config: &ModelConfig) -> Vec<Slot> {
    let slot = |name: String, shape: &[usize]| Slot {
        name,
        shape: shape.into(),
    };
    let (words, hidden) = (config.vocab_size, config.hidden_size);
    let mut all = vec![slot("model.embed_tokens.weight".into(), &[words, hidden])];
    for layer in 0..config.num_layers {
        let block = format!("model.layers.{layer}");
        all.push(slot(format!("{block}.input_layernorm.weight"), &[hidden]));
        all.push(slot(
            format!("{block}.post_attention_layernorm.weight"),
            &[hidden],
        ));
        all.extend(Projection::ALL.into_iter().map(|projection| {
            let [input, output] = config.projection_shape(projection);
            slot(
                format!("{block}.{}.weight", projection.path()),
                &[output, input],
            )
        }));
    }
    all.push(slot("model.norm.weight".into(), &[hidden]));
    if !config.tied {
        all.push(slot("lm_head.weight".into(), &[words, hidden]));
    }
    all
}

/// Moves tensors from a source into weights and keeps the report.
struct Loader<'a> {
    config: &'a ModelConfig,
    slots: std::vec::IntoIter<Slot>,
    names: Vec<String>,
    source: &'a mut dyn Source,
    device: &'a Device,
    dtype: FloatDType,
    /// What projections are packed into.
    bits: Option<Bits>,
    report: LoadReport,
}

impl<'a> Loader<'a> {
    fn new(
        config: &'a ModelConfig,
        source: &'a mut dyn Source,
        (device, dtype): (&'a Device, FloatDType),
    ) -> Self {
        let names = source.names();
        let slots = slots(config).into_iter();
        Self {
            config,
            slots,
            names,
            source,
            device,
            dtype,
            bits: None,
            report: LoadReport::default(),
        }
    }

    fn require_all(&self, path: &Path) -> Result<(), ModelError> {
        let absent = |slot: &&Slot| self.names.binary_search(&slot.name).is_err();
        let missing = self.slots.as_slice().iter().filter(absent);
        let tensors: Vec<String> = missing.map(|slot| slot.name.clone()).collect();
        if tensors.is_empty() {
            Ok(())
        } else {
            Err(ModelError::Missing {
                path: path.into(),
                tensors,
            })
        }
    }

    /// Reads all slots. The order of the calls is the order of [`slots`].
    fn weights(&mut self) -> Result<Weights, ModelError> {
        let embedding = self.matrix(false)?;
        let blocks = (0..self.config.num_layers)
            .map(|_| self.block())
            .collect::<Result<_, _>>()?;
        let norm = self.vector()?;
        let head = if self.config.tied {
            None
        } else {
            Some(self.matrix(true)?)
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
        })
    }

    fn projection(&mut self) -> Result<Param<Tensor<2>>, ModelError> {
        let weight = self.matrix(true)?;
        Ok(match self.bits {
            Some(bits) => Param::initialized(weight.id, bits.pack(weight.val())),
            None => weight,
        })
    }

    fn vector(&mut self) -> Result<Param<Tensor<1>>, ModelError> {
        let (shape, values) = self.next()?;
        Ok(self.upload(values, [shape.first().copied().unwrap_or(0)]))
    }

    fn matrix(&mut self, transpose: bool) -> Result<Param<Tensor<2>>, ModelError> {
        let (shape, values) = self.next()?;
        let [rows, columns] = [shape.first(), shape.get(1)].map(|n| n.copied().unwrap_or(0));
        if transpose {
            let turned = transposed(&values, columns);
            drop(values);
            Ok(self.upload(turned, [columns, rows]))
        } else {
            Ok(self.upload(values, [rows, columns]))
        }
    }

    fn upload<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Param<Tensor<D>> {
        let place = (self.device, DType::from(self.dtype));
        let upload = |data: TensorData| Tensor::from_data(data, place);
        let data = TensorData::new(values, shape);
        // A GPU keeps what lives as long as the run apart from the pages that steps share.
        let tensor = self.device.memory_persistent_allocations(data, upload);
        // Frozen until somebody asks for full fine-tuning.
        Param::from_tensor(tensor).set_require_grad(false)
    }

    fn next(&mut self) -> Result<(Vec<usize>, Vec<f32>), ModelError> {
        let Some(Slot { name, shape }) = self.slots.next() else {
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
        let kept = format!("{:?}", self.dtype).to_uppercase();
        if stored.stored != kept {
            self.report.cast.push((name.clone(), stored.stored, kept));
        }
        self.report.loaded.push(name);
        Ok((shape, stored.values))
    }

    fn finish(mut self) -> LoadReport {
        let loaded: std::collections::BTreeSet<&String> = self.report.loaded.iter().collect();
        self.report.unused = self
            .names
            .iter()
            .filter(|name| !loaded.contains(name))
            .cloned()
            .collect();
        self.report
    }
}
