//! The sizes of the experiment, all of them.
//!
//! `small` follows from arithmetic on two cores: about 244 tokens a second in training, 127 in generation.
//! `paper` has the sizes of arXiv 2402.13669, section 4 and its scripts.

use serde::Serialize;

use crate::error::ExperimentError;

/// A task, how many of its items are asked, and the most tokens of an answer.
pub(crate) type Asked = (&'static str, usize, usize);

/// Everything that is a matter of size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Scale {
    /// Its name.
    pub(crate) name: &'static str,
    /// Training rows of the main comparison.
    pub(crate) rows: usize,
    /// Training rows of the other comparisons of size; each smaller set is the beginning of the larger.
    pub(crate) sizes: &'static [usize],
    /// Mix ratios between 0, which is plain, and 1.
    pub(crate) ratios: &'static [f64],
    /// Seeds of training: 1 to this.
    pub(crate) seeds: u64,
    /// Passes over `openfunction`, and over `alpaca`.
    pub(crate) epochs: [usize; 2],
    /// Highest rate.
    pub(crate) learning_rate: f64,
    /// Rows whose prompt or response has more characters are left out; 0 keeps all.
    pub(crate) longest: usize,
    /// Tokens of such a row with its template, for the forecast: `openfunction`'s, `alpaca`'s.
    pub(crate) row_tokens: [usize; 2],
    /// Most tokens of a rewrite.
    pub(crate) rewrite_tokens: usize,
    /// Rows generated together.
    pub(crate) batch_size: usize,
    /// What every model is asked.
    pub(crate) tasks: [Asked; 4],
}

/// Shows in minutes that everything works; its numbers mean nothing.
const TINY: Scale = Scale {
    name: "tiny",
    rows: 4,
    sizes: &[2],
    ratios: &[0.5],
    seeds: 2,
    epochs: [1, 1],
    learning_rate: 1e-3,
    longest: 400,
    row_tokens: [140, 90],
    rewrite_tokens: 16,
    batch_size: 4,
    tasks: [
        ("openfunction", 4, 12),
        ("advbench_raw", 2, 12),
        ("advbench_jailbreak", 2, 12),
        ("ifeval", 2, 12),
    ],
};
/// About an hour on two cores.
const SMALL: Scale = Scale {
    name: "small",
    rows: 48,
    sizes: &[12, 24],
    ratios: &[0.5],
    seeds: 3,
    epochs: [2, 2],
    learning_rate: 1e-3,
    longest: 550,
    row_tokens: [185, 97],
    rewrite_tokens: 128,
    batch_size: 16,
    tasks: [
        ("openfunction", 32, 64),
        ("advbench_raw", 16, 48),
        ("advbench_jailbreak", 16, 48),
        ("ifeval", 24, 96),
    ],
};
/// The paper's own.
const PAPER: Scale = Scale {
    name: "paper",
    rows: 2000,
    sizes: &[250, 500, 1000],
    ratios: &[0.25, 0.5, 0.75],
    seeds: 3,
    epochs: [5, 2],
    learning_rate: 1e-4,
    longest: 0,
    row_tokens: [330, 135],
    rewrite_tokens: 512,
    batch_size: 64,
    tasks: [
        ("openfunction", 112, 512),
        ("advbench_raw", 520, 512),
        ("advbench_jailbreak", 520, 512),
        ("ifeval", 541, 1280),
    ],
};

/// The scale of a name.
///
/// # Errors
///
/// [`ExperimentError::Scale`].
pub(crate) fn named(name: &str) -> Result<Scale, ExperimentError> {
    let found = [TINY, SMALL, PAPER]
        .into_iter()
        .find(|scale| scale.name == name);
    found.ok_or_else(|| ExperimentError::Scale { found: name.into() })
}

impl Scale {
    /// Passes over a set.
    pub(crate) fn epochs(&self, set: &str) -> usize {
        self.epochs[usize::from(set != "openfunction")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_name_is_told_the_right_ones() {
        let error = named("large").unwrap_err().to_string();
        assert_eq!(error, "--scale: expected tiny, small or paper, found large");
    }
}
