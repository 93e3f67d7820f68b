//! The sites of a model that a configuration chooses, each with its rank and scale.

use idiolect_model::{ModelConfig, Projection, Site};

use crate::error::wrong;
use crate::targets::Pattern;
use crate::{LoraConfig, LoraError};

/// A site with its own rank and scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    pub(crate) site: Site,
    pub(crate) rank: usize,
    pub(crate) scale: f64,
}

/// The sites that a configuration chooses in a model, sorted.
pub(crate) fn places(config: &LoraConfig, model: &ModelConfig) -> Result<Vec<Place>, LoraError> {
    config.check()?;
    let chosen = config.targets.chooser()?;
    let ranks = compiled(&config.rank_pattern)?;
    let alphas = compiled(&config.alpha_pattern)?;
    let layers = chosen_layers(config, model.num_layers)?;
    let place = |site: Site| {
        let path = model.wrapper.module_path(&site.to_string());
        let rank = first(&ranks, &path).unwrap_or(config.rank);
        let alpha = first(&alphas, &path).unwrap_or(config.alpha);
        let scale = config.scale_of(rank, alpha);
        chosen(&path).then_some(Place { site, rank, scale })
    };
    let sites = layers
        .into_iter()
        .flat_map(|layer| Projection::ALL.map(|projection| Site { layer, projection }));
    let places: Vec<Place> = sites.filter_map(place).collect();
    if places.is_empty() {
        let found = format!("{:?}", config.targets.names());
        return Err(wrong(
            "targets",
            "at least one projection of the model",
            found,
        ));
    }
    Ok(places)
}

fn chosen_layers(config: &LoraConfig, count: usize) -> Result<Vec<usize>, LoraError> {
    let mut layers = config
        .layers
        .clone()
        .unwrap_or_else(|| (0..count).collect());
    layers.sort_unstable();
    layers.dedup();
    match layers.last() {
        Some(layer) if *layer >= count => {
            Err(wrong("layers", format!("blocks below {count}"), layer))
        }
        _ => Ok(layers),
    }
}

fn compiled<T: Copy>(patterns: &[(String, T)]) -> Result<Vec<(Pattern, T)>, LoraError> {
    let one = |(key, value): &(String, T)| Ok((Pattern::ending(key)?, *value));
    patterns.iter().map(one).collect()
}

fn first<T: Copy>(patterns: &[(Pattern, T)], path: &str) -> Option<T> {
    let found = patterns.iter().find(|(pattern, _)| pattern.matches(path));
    found.map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pattern_that_matches_an_end_holds() {
        let patterns = [("layers.0.*".to_owned(), 2), ("q_proj".to_owned(), 4)];
        let patterns = compiled(&patterns).unwrap();
        assert_eq!(first(&patterns, "model.layers.0.self_attn.q_proj"), Some(2));
        assert_eq!(first(&patterns, "model.layers.1.self_attn.q_proj"), Some(4));
        assert_eq!(first(&patterns, "model.layers.1.self_attn.v_proj"), None);
    }
}
