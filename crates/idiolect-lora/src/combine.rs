//! Several adapters as one: their weighted changes added up.
//!
//! `sum_i w_i s_i A_i B_i` is one product of factors that stand side by side, so nothing is lost and the
//! result is an adapter like any other: it loads in PEFT, which calls this combination `cat`.

use std::collections::BTreeSet;

use burn::tensor::Tensor;
use idiolect_model::{Adapter, Site, Wrapper};

use crate::error::wrong;
use crate::{Factors, LoraAdapter, LoraConfig, LoraError, Scaling, Targets, WholeModules};

/// An adapter, and how much of its change counts.
#[derive(Debug, Clone)]
pub struct ScaledAdapter {
    /// The adapter.
    pub adapter: LoraAdapter,
    /// What its change is multiplied by; 1 is the whole of it, any finite number will do.
    pub weight: f64,
}

/// Adapters that work at the same time: each change is that of the adapter alone, weighted, and the changes
/// are added up in activation space. Modules that trained whole have no part in it.
///
/// Weights may be set between calls, and 0 leaves an adapter out. Unlike in [`combine`], magnitudes are
/// welcome, as in PEFT with several active adapters.
#[derive(Debug, Clone)]
pub struct Stack {
    /// The adapters with their weights.
    pub parts: Vec<ScaledAdapter>,
}

impl Adapter for Stack {
    fn apply(&self, site: Site, x: &Tensor<3>, base_output: Tensor<3>) -> Tensor<3> {
        let chosen = self.parts.iter();
        let chosen = chosen.filter(|part| part.weight != 0.0 && part.adapter.at(site).is_some());
        chosen.fold(base_output.clone(), |sum, part| {
            let output = part.adapter.apply(site, x, base_output.clone());
            sum + (output - base_output.clone()).mul_scalar(part.weight)
        })
    }
}

/// The adapter whose change is the weighted sum of those of `parts`, off the tape.
///
/// Its rank at a site is the sum of the parts' ranks there, and its scale is 1.
///
/// # Errors
///
/// [`LoraError::Setting`] when there is no part, a weight is no number, a part has magnitudes (what
/// `DoRA` changes is no thin product) or biases, or one has modules that trained whole.
pub fn combine(parts: &[ScaledAdapter]) -> Result<LoraAdapter, LoraError> {
    let Some(ScaledAdapter { adapter: first, .. }) = parts.first() else {
        return Err(wrong("adapters", "at least one", "none"));
    };
    let mut adapters = parts.iter().map(|part| &part.adapter);
    if adapters.clone().any(|part| part.config.dora) {
        return Err(wrong("use_dora", "off in adapters to combine", true));
    }
    if adapters.clone().any(|part| part.config.lora_bias) {
        return Err(wrong("lora_bias", "off in adapters to combine", true));
    }
    adapters.clone().try_for_each(LoraAdapter::refuse_folded)?;
    if let Some(part) = adapters.clone().find(|part| !part.whole.is_empty()) {
        let found = part.config.modules_to_save.join(", ");
        return Err(wrong(
            "modules_to_save",
            "none in adapters to combine",
            found,
        ));
    }
    if let Some(part) = parts.iter().find(|part| !part.weight.is_finite()) {
        return Err(wrong("weight", "a number", part.weight));
    }
    let sites = adapters.clone().flat_map(|part| part.sites.iter().copied());
    let sites: Vec<Site> = sites.collect::<BTreeSet<_>>().into_iter().collect();
    let factors: Vec<Factors> = sites.iter().map(|site| at(*site, parts)).collect();
    let alike = adapters.all(|part| {
        let (ours, theirs) = (&part.config, &first.config);
        ours.targets == theirs.targets && ours.layers == theirs.layers
    });
    let wrapper = first.wrapper;
    let mut config = config(&sites, &factors, wrapper);
    if alike {
        config.targets = first.config.targets.clone();
        config.layers.clone_from(&first.config.layers);
    }
    Ok(LoraAdapter {
        factors,
        whole: WholeModules::default(),
        sites,
        config,
        folded: Vec::new(),
        wrapper,
    })
}

/// Factors of one site beside each other, with weight and scale in the second.
fn at(site: Site, parts: &[ScaledAdapter]) -> Factors {
    let there = parts.iter().filter_map(|part| {
        let factors = part.adapter.at(site)?;
        let [a, b] = factors.joined();
        Some((a, b.mul_scalar(part.weight * factors.scale)))
    });
    let (left, right): (Vec<_>, Vec<_>) = there.unzip();
    Factors::new(Tensor::cat(left, 1), Tensor::cat(right, 0), 1.0)
}

/// The highest rank for all sites but those that a pattern names; alpha is the rank.
fn config(sites: &[Site], factors: &[Factors], wrapper: Wrapper) -> LoraConfig {
    let rank = factors.iter().map(Factors::rank).max().unwrap_or(1);
    let path = |site: &Site| wrapper.module_path(&site.to_string());
    let places = sites.iter().map(path);
    let others = places.zip(factors.iter().map(Factors::rank));
    let rank_pattern: Vec<(String, usize)> = others.filter(|(_, own)| *own != rank).collect();
    let alpha = |(path, own): &(String, usize)| (path.clone(), *own as f64);
    LoraConfig {
        rank,
        alpha: rank as f64,
        targets: Targets::Names(sites.iter().map(path).collect()),
        scaling: Scaling::Standard,
        alpha_pattern: rank_pattern.iter().map(alpha).collect(),
        rank_pattern,
        ..LoraConfig::default()
    }
}
