//! How rotary frequencies are stretched, in the words of a GGUF file, the mirror of what `gguf/settings.rs` reads.
//!
//! What llama.cpp would compute otherwise is refused: it has no key for it, or knows it in other architectures only.

use super::destination::{Destination, Keys};
use super::{GgufTensor, GgufType};
use crate::config::Frequencies;
use crate::gguf::ROPE_DIVISORS;
use crate::gguf::architecture::Architecture;
use crate::{ModelError, RopeScaling, Yarn};

/// What llama.cpp takes for granted of yarn in all architectures but Ministral 3's.
const BETAS: [f64; 2] = [32.0, 1.0];
/// How far a factor may be from what the file makes of it.
const CLOSE: f64 = 1e-6;

impl Destination<'_> {
    /// Refuses a stretching that llama.cpp does not compute.
    pub(super) fn check_scaling(&self) -> Result<(), ModelError> {
        match &self.config.rope_scaling {
            RopeScaling::None | RopeScaling::Linear { .. } | RopeScaling::Dynamic { .. } => Ok(()),
            RopeScaling::Llama3 { .. } | RopeScaling::Factors { .. } => {
                let takes = matches!(
                    self.architecture,
                    Architecture::Llama | Architecture::Mistral3 | Architecture::Granite
                );
                let kind = "no divisor of its own for each rotary frequency";
                takes
                    .then_some(())
                    .ok_or_else(|| self.refused("rope_type", kind, "llama3"))
            }
            RopeScaling::Yarn(yarn) => self.check_yarn(*yarn),
            RopeScaling::LongRope(_) => {
                let expected = "default, linear, dynamic, llama3 or yarn";
                Err(self.refused("rope_type", expected, "longrope"))
            }
        }
    }

    fn check_yarn(&self, yarn: Yarn) -> Result<(), ModelError> {
        if !yarn.truncate {
            return Err(self.refused("truncate", "true", "false"));
        }
        let own = [yarn.beta_fast, yarn.beta_slow];
        let other = own
            .iter()
            .zip(BETAS)
            .find_map(|(own, usual)| own.filter(|own| *own > 0.0 && (own - usual).abs() > CLOSE));
        match other {
            Some(beta) if self.architecture != Architecture::Mistral3 => {
                Err(self.refused("beta_fast and beta_slow", "32 and 1", beta))
            }
            _ => Ok(()),
        }
    }

    /// Keys of the stretching.
    pub(super) fn put_scaling(&self, keys: &mut Keys<'_>) {
        match &self.config.rope_scaling {
            RopeScaling::Linear { factor } => {
                keys.put("rope.scaling.type", "linear");
                keys.number("rope.scaling.factor", *factor);
            }
            RopeScaling::Yarn(yarn) => self.put_yarn(*yarn, keys),
            RopeScaling::Llama3 {
                original_positions, ..
            } => {
                // For readers: llama.cpp has all that it needs in the divisors.
                keys.number_as_count("rope.scaling.original_context_length", *original_positions);
            }
            _ => {}
        }
    }

    fn put_yarn(&self, yarn: Yarn, keys: &mut Keys<'_>) {
        keys.put("rope.scaling.type", "yarn");
        keys.number("rope.scaling.factor", yarn.factor);
        keys.number_as_count(
            "rope.scaling.original_context_length",
            yarn.original_positions,
        );
        let [fast, slow] = [(yarn.beta_fast, BETAS[0]), (yarn.beta_slow, BETAS[1])]
            .map(|(own, usual)| own.filter(|own| *own > 0.0).unwrap_or(usual));
        keys.number("rope.scaling.yarn_beta_fast", fast);
        keys.number("rope.scaling.yarn_beta_slow", slow);
        // llama.cpp multiplies by this on its own, except where the logarithm is divided out.
        let own = 0.1 * yarn.factor.max(1.0).ln() + 1.0;
        let times = yarn.attention_factor();
        if self.architecture == Architecture::Mistral3 {
            keys.number("rope.scaling.yarn_log_multiplier", 1.0);
            if (times - 1.0).abs() > CLOSE {
                keys.number("rope.scaling.attn_factor", times);
            }
        } else if (times / own - 1.0).abs() > CLOSE {
            keys.number("rope.scaling.attn_factor", times / own);
        }
    }

    /// The divisors of the rotary frequencies, where a file has them.
    pub(super) fn divisors(&self) -> Result<Option<GgufTensor>, ModelError> {
        let scaling = &self.config.rope_scaling;
        if !matches!(
            scaling,
            RopeScaling::Llama3 { .. } | RopeScaling::Factors { .. }
        ) {
            return Ok(None);
        }
        let (width, theta) = (self.config.head_dim, self.config.rope_theta);
        let all = Frequencies {
            head_dim: width,
            theta,
            is_long: false,
        };
        // Divisors are of the order of 1 to 100, stored in f32.
        #[allow(clippy::cast_possible_truncation)]
        let divisor = |index: usize| {
            let frequency = theta.powf(-2.0 * index as f64 / width as f64);
            scaling.divisor(index, frequency, all) as f32
        };
        let values: Vec<f32> = (0..width / 2).map(divisor).collect();
        GgufTensor::new(ROPE_DIVISORS, &[width / 2], values, GgufType::F32).map(Some)
    }
}
