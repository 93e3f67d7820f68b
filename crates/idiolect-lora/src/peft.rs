//! PEFT adapter folders, in and out: `adapter_config.json` and `adapter_model.safetensors`.
//!
//! PEFT stores the factors as `PyTorch`'s linear layers do, `lora_A` as `[rank, in]` and `lora_B` as
//! `[out, rank]`; both are the transpose of ours.
//! Options that would change the arithmetic and are not supported are refused by name, never ignored.

mod options;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use idiolect_model::{ModelConfig, Projection, Site};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::adapter::{Factors, Values};
use crate::{LoraAdapter, LoraError, Targets};

use options::CONFIG;
pub use options::read_config;

const PREFIX: &str = "base_model.model.";
const WEIGHTS: &str = "adapter_model.safetensors";

/// Reads an adapter for a model.
///
/// # Errors
///
/// [`LoraError::Io`], [`LoraError::Json`] and [`LoraError::Weights`] for unreadable files;
/// [`LoraError::Setting`] for an option that is not supported; [`LoraError::Tensor`] when a factor is
/// missing, of the wrong shape or type, or belongs to a site that the model does not have.
pub fn load(folder: &Path, model: &ModelConfig, device: &Device) -> Result<LoraAdapter, LoraError> {
    let mut config = read_config(folder)?;
    let path = folder.join(WEIGHTS);
    let bytes = std::fs::read(&path).map_err(|source| LoraError::Io {
        path: path.clone(),
        source,
    })?;
    let file = SafeTensors::deserialize(&bytes).map_err(|source| LoraError::Weights {
        path: path.clone(),
        source,
    })?;
    let reader = Reader {
        path,
        file,
        model,
        rank: config.rank,
    };
    let sites = reader.sites()?;
    let values = sites
        .iter()
        .map(|site| reader.values(*site))
        .collect::<Result<Vec<_>, _>>()?;
    let factors = values
        .into_iter()
        .map(|values| Factors::new(values, device))
        .collect();
    config.targets = Targets(sites.iter().map(|site| site.projection).collect());
    Ok(LoraAdapter {
        factors,
        sites,
        config,
    })
}

struct Reader<'a> {
    path: PathBuf,
    file: SafeTensors<'a>,
    model: &'a ModelConfig,
    rank: usize,
}

impl Reader<'_> {
    fn wrong(
        &self,
        tensor: &str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> LoraError {
        let (expected, found) = (expected.into(), found.into());
        LoraError::Tensor {
            path: self.path.clone(),
            tensor: tensor.into(),
            expected,
            found,
        }
    }

    /// Sites named by the file, sorted. Every tensor must belong to one.
    fn sites(&self) -> Result<Vec<Site>, LoraError> {
        let mut names = self.file.names();
        names.sort_unstable();
        let site = |name: &&str| {
            parse_site(name)
                .ok_or_else(|| self.wrong(name, "a factor of a projection", "another name"))
        };
        let sites: BTreeSet<Site> = names.iter().map(site).collect::<Result<_, _>>()?;
        let layers = self.model.num_layers;
        match sites.iter().find(|site| site.layer >= layers) {
            Some(site) => {
                let expected = format!("a block below {layers}, the model's number of blocks");
                Err(self.wrong(&tensor_name(*site, "A"), expected, site.layer.to_string()))
            }
            None if sites.is_empty() => {
                Err(self.wrong("*", "at least one pair of factors", "none"))
            }
            None => Ok(sites.into_iter().collect()),
        }
    }

    fn values(&self, site: Site) -> Result<Values, LoraError> {
        let [input, output] = self.model.projection_shape(site.projection);
        let rank = self.rank;
        let a = self.matrix(&tensor_name(site, "A"), [rank, input])?;
        let b = self.matrix(&tensor_name(site, "B"), [output, rank])?;
        Ok(Values {
            a: transposed(&a, input),
            b: transposed(&b, rank),
            input,
            rank,
            output,
        })
    }

    fn matrix(&self, name: &str, shape: [usize; 2]) -> Result<Vec<f32>, LoraError> {
        let expected = || format!("shape {shape:?}");
        let Ok(view) = self.file.tensor(name) else {
            return Err(self.wrong(name, expected(), "nothing"));
        };
        if view.shape() != shape {
            return Err(self.wrong(name, expected(), format!("shape {:?}", view.shape())));
        }
        widen(&view)
            .ok_or_else(|| self.wrong(name, "F32, F16 or BF16", format!("{:?}", view.dtype())))
    }
}

fn widen(view: &TensorView<'_>) -> Option<Vec<f32>> {
    use half::{bf16, f16};
    let bytes = view.data();
    let halves = |f: fn([u8; 2]) -> f32| bytes.as_chunks().0.iter().map(|b| f(*b)).collect();
    match view.dtype() {
        Dtype::F32 => Some(
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect(),
        ),
        Dtype::F16 => Some(halves(|b| f16::from_le_bytes(b).to_f32())),
        Dtype::BF16 => Some(halves(|b| bf16::from_le_bytes(b).to_f32())),
        _ => None,
    }
}

fn tensor_name(site: Site, factor: &str) -> String {
    format!("{PREFIX}{site}.lora_{factor}.weight")
}

fn parse_site(name: &str) -> Option<Site> {
    let rest = name.strip_prefix(PREFIX)?.strip_prefix("model.layers.")?;
    let module = rest
        .strip_suffix(".lora_A.weight")
        .or(rest.strip_suffix(".lora_B.weight"))?;
    let (layer, path) = module.split_once('.')?;
    Some(Site {
        layer: layer.parse().ok()?,
        projection: Projection::parse(path)?,
    })
}

/// The transpose of a row-major matrix of `columns` columns.
fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns.max(1);
    (0..columns)
        .flat_map(|c| (0..rows).map(move |r| values[r * columns + c]))
        .collect()
}

/// Writes an adapter in f32 with PEFT's names; `base` is what PEFT records as the base model.
///
/// Both files are written beside their place and renamed; the folder is made when absent.
///
/// # Errors
///
/// [`LoraError::Io`] names the file that could not be written.
pub fn save(adapter: &LoraAdapter, folder: &Path, base: &str) -> Result<(), LoraError> {
    let io = |path: &Path| {
        let path = path.to_path_buf();
        move |source| LoraError::Io { path, source }
    };
    std::fs::create_dir_all(folder).map_err(io(folder))?;
    let tensors = stored(adapter);
    let views = tensors.iter().filter_map(|(name, (shape, bytes))| {
        Some((
            name,
            TensorView::new(Dtype::F32, shape.to_vec(), bytes).ok()?,
        ))
    });
    let metadata = Some(HashMap::from([("format".to_string(), "pt".to_string())]));
    let path = folder.join(WEIGHTS);
    let bytes = safetensors::serialize(views, metadata).map_err(|source| LoraError::Weights {
        path: path.clone(),
        source,
    })?;
    let config = format!("{:#}\n", options::to_json(&adapter.config, base));
    for (path, bytes) in [(path, bytes), (folder.join(CONFIG), config.into_bytes())] {
        let beside = path.with_extension("partial");
        std::fs::write(&beside, bytes).map_err(io(&beside))?;
        std::fs::rename(&beside, &path).map_err(io(&path))?;
    }
    Ok(())
}

/// Bytes of every factor under its PEFT name.
fn stored(adapter: &LoraAdapter) -> BTreeMap<String, ([usize; 2], Vec<u8>)> {
    let one = |tensor: Tensor<2>| {
        let [rows, columns] = tensor.dims();
        let values: Vec<f32> = tensor.into_data().iter::<f32>().collect();
        let bytes = transposed(&values, columns)
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect();
        ([columns, rows], bytes)
    };
    let pair = |(site, factors): (&Site, &Factors)| {
        let a = (tensor_name(*site, "A"), one(factors.a.val()));
        [a, (tensor_name(*site, "B"), one(factors.b.val()))]
    };
    adapter
        .sites
        .iter()
        .zip(&adapter.factors)
        .flat_map(pair)
        .collect()
}
