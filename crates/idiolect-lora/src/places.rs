//! The modules of a model that a configuration chooses, each with its rank and scale.

use idiolect_model::{ModelConfig, Projection, Site};

use crate::error::wrong;
use crate::paths::{EMBEDDING, HEAD};
use crate::targets::{Chooser, Found, Pattern, Targets};
use crate::whole::Chosen;
use crate::{LoraConfig, LoraError};

/// How large an update is, and what it is multiplied by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Size {
    pub(crate) rank: usize,
    pub(crate) scale: f64,
}

/// A site with its own rank and scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    pub(crate) site: Site,
    pub(crate) size: Size,
}

/// All that a configuration chooses.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Places {
    /// Sorted.
    pub(crate) sites: Vec<Place>,
    pub(crate) embedding: Option<Size>,
    pub(crate) head: Option<Size>,
}

impl Places {
    /// What a configuration chooses in a model.
    pub(crate) fn new(config: &LoraConfig, model: &ModelConfig) -> Result<Self, LoraError> {
        config.check()?;
        let choice = Choice::new(config, model)?;
        let whole = Chosen::new(config, model)?;
        let word = |path, whole: bool| {
            if whole {
                Ok(None)
            } else {
                choice.size(path, None)
            }
        };
        let places = Self {
            sites: choice.sites()?,
            embedding: word(EMBEDDING, whole.embedding)?,
            head: word(HEAD, whole.head)?,
        };
        if places == Self::default() {
            let found = format!("{:?}", config.targets.names());
            let expected = "at least one projection of the model";
            return Err(wrong("targets", expected, found));
        }
        Ok(places)
    }

    /// The sites of an adapter that is to be trained: embedding and head train whole or not at all.
    pub(crate) fn trained(self) -> Result<Vec<Place>, LoraError> {
        let words = [(self.embedding, "embed_tokens"), (self.head, "lm_head")];
        match words.into_iter().find(|(size, _)| size.is_some()) {
            Some((_, name)) => {
                let expected = "projections: modules_to_save trains embedding and head";
                Err(wrong("targets", expected, name))
            }
            None => Ok(self.sites),
        }
    }
}

/// A configuration's targets, exclusions and patterns, ready to be asked.
struct Choice<'a> {
    config: &'a LoraConfig,
    model: &'a ModelConfig,
    targets: Chooser<'a>,
    excluded: Option<Chooser<'a>>,
    ranks: Vec<(Pattern, usize)>,
    alphas: Vec<(Pattern, f64)>,
}

impl<'a> Choice<'a> {
    fn new(config: &'a LoraConfig, model: &'a ModelConfig) -> Result<Self, LoraError> {
        let layers = config.layers.iter().flatten();
        let count = model.num_layers;
        if let Some(layer) = layers.max().filter(|layer| **layer >= count) {
            return Err(wrong("layers", format!("blocks below {count}"), layer));
        }
        let excluded = config.exclude_modules.as_ref();
        Ok(Self {
            config,
            model,
            targets: config.targets.chooser()?,
            excluded: excluded.map(Targets::chooser).transpose()?,
            ranks: compiled(&config.rank_pattern)?,
            alphas: compiled(&config.alpha_pattern)?,
        })
    }

    fn sites(&self) -> Result<Vec<Place>, LoraError> {
        let sites = (0..self.model.num_layers)
            .flat_map(|layer| Projection::ALL.map(|projection| Site { layer, projection }));
        let place = |site: Site| {
            let size = self.size(&site.to_string(), Some(site.layer))?;
            Ok(size.map(|size| Place { site, size }))
        };
        sites.filter_map(|site| place(site).transpose()).collect()
    }

    /// Rank and scale of the module of this path; none where it is not chosen.
    fn size(&self, path: &str, layer: Option<usize>) -> Result<Option<Size>, LoraError> {
        let path = self.model.wrapper.module_path(path);
        if !self.has(&path, layer)? {
            return Ok(None);
        }
        let rank = first(&self.ranks, &path)?.unwrap_or(self.config.rank);
        let alpha = first(&self.alphas, &path)?.unwrap_or(self.config.alpha);
        let scale = self.config.scale_of(rank, alpha);
        Ok(Some(Size { rank, scale }))
    }

    fn has(&self, path: &str, layer: Option<usize>) -> Result<bool, LoraError> {
        if let Some(excluded) = &self.excluded
            && excluded.find(path)? != Found::No
        {
            return Ok(false);
        }
        Ok(match (self.targets.find(path)?, &self.config.layers) {
            (Found::No, _) => false,
            // As in PEFT, blocks are no matter to a module that is named in full.
            (Found::Whole, _) | (Found::ByEnd, None) => true,
            (Found::ByEnd, Some(layers)) => layer.is_some_and(|layer| layers.contains(&layer)),
        })
    }
}

fn compiled<T: Copy>(patterns: &[(String, T)]) -> Result<Vec<(Pattern, T)>, LoraError> {
    let one = |(key, value): &(String, T)| Ok((Pattern::ending(key)?, *value));
    patterns.iter().map(one).collect()
}

fn first<T: Copy>(patterns: &[(Pattern, T)], path: &str) -> Result<Option<T>, LoraError> {
    for (pattern, value) in patterns {
        if pattern.matches(path)? {
            return Ok(Some(*value));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pattern_that_matches_an_end_holds() {
        let patterns = [("layers.0.*".to_owned(), 2), ("q_proj".to_owned(), 4)];
        let patterns = compiled(&patterns).unwrap();
        let first = |path| first(&patterns, path).unwrap();
        assert_eq!(first("model.layers.0.self_attn.q_proj"), Some(2));
        assert_eq!(first("model.layers.1.self_attn.q_proj"), Some(4));
        assert_eq!(first("model.layers.1.self_attn.v_proj"), None);
    }
}
