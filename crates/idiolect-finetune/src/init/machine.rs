//! What this machine offers a first training: a device, and types of weights that may fit.

use std::fmt;

use idiolect_completion::Progress;
use idiolect_lm::device::{DEVICES, device, dtype, free_memory, is_card, is_host};
use idiolect_lm::{Dtype, locate};
use idiolect_model::{ModelConfig, read_config, stored_type};

use crate::{FineTuneError, TrainSettings};

/// GPUs in the order in which they are tried.
const GPUS: [&str; 4] = ["cuda", "metal", "vulkan", "wgpu"];
/// Share of the free memory that the weights alone may take before loading them is not tried.
const MOST_WEIGHTS: f64 = 0.9;

/// The first GPU that this program was built for and this machine has, else the CPU.
pub(super) fn usual_device() -> String {
    let is_built = |name: &str| DEVICES.contains(&(name, true));
    let found = GPUS
        .into_iter()
        .find(|name| is_built(name) && device(name).is_ok_and(|device| is_card(&device)));
    found.unwrap_or("cpu").to_owned()
}

/// A type of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempt {
    /// None for f32 beside matrices as a GGUF file stores them.
    pub(super) dtype: Option<Dtype>,
    pub(super) quantize: Option<u8>,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.dtype {
            Some(dtype) => write!(f, "dtype {dtype}")?,
            None => f.write_str("weights as they are stored")?,
        }
        match self.quantize {
            Some(bits) => write!(f, ", quantize {bits}"),
            None => Ok(()),
        }
    }
}

/// Types of weights to try, the most exact first; those whose weights alone are too large for the free memory are
/// left out, unless all are.
///
/// # Errors
///
/// [`FineTuneError::Lm`] for a device that this machine lacks, and for a model that cannot be found or described.
pub(super) fn attempts(
    settings: &TrainSettings,
    progress: &dyn Progress,
) -> Result<Vec<Attempt>, FineTuneError> {
    let model = &settings.model;
    let device = device(&model.device)?;
    let on_host = is_host(&device);
    let computes_in_bf16 = dtype(Dtype::Bf16, &device).is_ok();
    let path = locate(&model.model, model.revision.as_deref(), progress)?;
    let weights = Sizes::of(&read_config(&path)?);
    let full = settings.finetune.full;
    if on_host && !full && stored_type(&path)?.is_none() {
        // No other is as exact, and none but fewer bits is smaller.
        let stored = Attempt {
            dtype: None,
            quantize: None,
        };
        return Ok(vec![stored, fewer_bits(Dtype::F32, 4)]);
    }
    let all = types(on_host, computes_in_bf16, full);
    let free = free_memory(&device);
    let fits =
        |own: &Attempt| free.is_none_or(|free| weights.bytes(*own) <= MOST_WEIGHTS * free as f64);
    let fitting: Vec<Attempt> = all.iter().copied().filter(fits).collect();
    // The last one's own error says more than none.
    let smallest = all.last().copied();
    Ok(if fitting.is_empty() {
        smallest.into_iter().collect()
    } else {
        fitting
    })
}

/// Types in their order: f32 on the CPU, where it is also the fastest; bf16 on a GPU; fewer bits for frozen weights.
fn types(on_host: bool, computes_in_bf16: bool, full: bool) -> Vec<Attempt> {
    let plain = |dtype| Attempt {
        dtype: Some(dtype),
        quantize: None,
    };
    let mut all = Vec::new();
    if on_host || !computes_in_bf16 {
        all.push(plain(Dtype::F32));
    }
    if computes_in_bf16 {
        all.push(plain(Dtype::Bf16));
    }
    if !full {
        let dtype = if on_host || !computes_in_bf16 {
            Dtype::F32
        } else {
            Dtype::Bf16
        };
        all.extend([8, 4].map(|bits| fewer_bits(dtype, bits)));
    }
    all
}

fn fewer_bits(dtype: Dtype, bits: u8) -> Attempt {
    Attempt {
        dtype: Some(dtype),
        quantize: Some(bits),
    }
}

/// Numbers of a model, by where they stand.
struct Sizes {
    /// In the projections of the blocks.
    projections: f64,
    /// In embedding and head.
    words: f64,
}

impl Sizes {
    fn of(config: &ModelConfig) -> Self {
        let attention = 2 * (config.num_heads + config.num_kv_heads) * config.head_dim;
        let block = config
            .hidden_size
            .saturating_mul(attention + 3 * config.intermediate_size);
        let tables = if config.tied { 1 } else { 2 };
        Self {
            projections: config.num_layers.saturating_mul(block) as f64,
            words: config.vocab_size.saturating_mul(config.hidden_size) as f64 * f64::from(tables),
        }
    }

    fn bytes(&self, own: Attempt) -> f64 {
        let plain = if own.dtype == Some(Dtype::F32) {
            4.0
        } else {
            2.0
        };
        let projection = own.quantize.map_or(plain, |bits| f64::from(bits) / 8.0);
        self.projections * projection + self.words * plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_types_come_first_and_fewer_bits_for_frozen_weights_alone() {
        let shown = |host, bf16, full| {
            let all = types(host, bf16, full);
            all.iter()
                .map(Attempt::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        };
        assert_eq!(
            shown(true, true, false),
            "dtype f32; dtype bf16; dtype f32, quantize 8; dtype f32, quantize 4"
        );
        assert_eq!(
            shown(false, true, false),
            "dtype bf16; dtype bf16, quantize 8; dtype bf16, quantize 4"
        );
        assert_eq!(shown(true, false, true), "dtype f32");
        assert_eq!(shown(false, true, true), "dtype bf16");
    }

    #[test]
    fn weights_of_a_gguf_file_stay_as_they_are_where_that_is_possible() {
        let Some(file) = idiolect_testkit::smollm2_gguf() else {
            return;
        };
        let mut settings = TrainSettings::default();
        settings.model.model = file.display().to_string();
        let shown = |settings: &TrainSettings| {
            let all = attempts(settings, &idiolect_completion::Quiet).unwrap();
            all.iter()
                .map(Attempt::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        };
        let expected = "weights as they are stored; dtype f32, quantize 4";
        assert_eq!(shown(&settings), expected);
        settings.finetune.full = true;
        assert!(shown(&settings).starts_with("dtype f32"));
    }

    #[test]
    fn weights_are_counted_by_what_holds_them() {
        // Numbers of Llama-3.2-1B: 973,078,528 in the blocks without norms, 262,668,288 in the embedding.
        let sizes = Sizes {
            projections: 973_078_528.0,
            words: 262_668_288.0,
        };
        let bytes = |dtype, quantize| {
            let dtype = Some(dtype);
            sizes.bytes(Attempt { dtype, quantize })
        };
        assert!((bytes(Dtype::F32, None) - 4_942_987_264.0).abs() < 1.0);
        assert!((bytes(Dtype::Bf16, None) - 2_471_493_632.0).abs() < 1.0);
        assert!((bytes(Dtype::F32, Some(8)) - 2_023_751_680.0).abs() < 1.0);
    }
}
