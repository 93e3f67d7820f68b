//! The adapter that a run trains: its options as typed, or those of one that was trained before.

use std::path::Path;
use std::str::FromStr;

use idiolect::lora::{LoraAdapter, LoraConfig, Scaling};
use idiolect::model::Decoder;

use crate::error::CliError;
use crate::keys::TrainKeys;
use crate::objective::Loss;
use crate::opened::Opened;

/// A new adapter by the seed, or the one to start from.
///
/// # Errors
///
/// [`CliError::Lora`] for settings or a folder that do not fit the model; [`CliError::Tokens`] for a folder
/// without rows for every word; [`CliError::Setting`] for a pattern that is none, and for a divergence from
/// the seed model with modules that train whole.
pub fn adapter(keys: &TrainKeys, opened: &Opened, seed: u64) -> Result<LoraAdapter, CliError> {
    let adapter = adapter_on(keys, &opened.decoder, seed)?;
    if keys.init_adapter.is_some() {
        let rows = adapter.decoder(&opened.decoder).config.vocab_size;
        opened.tokenizer.check_embedding(rows)?;
        if loss(keys)? != Loss::CrossEntropy && !adapter.whole.is_empty() {
            let found = keys.loss.as_deref().unwrap_or("ce");
            let expected = "ce for an adapter with modules_to_save";
            return Err(CliError::setting("--loss", expected, found));
        }
    }
    Ok(adapter)
}

/// As [`adapter`], on the device of a decoder.
///
/// # Errors
///
/// As for [`adapter`].
pub fn adapter_on(keys: &TrainKeys, decoder: &Decoder, seed: u64) -> Result<LoraAdapter, CliError> {
    let device = decoder.device().autodiff();
    if let Some(folder) = &keys.init_adapter {
        return Ok(idiolect::lora::load(folder, decoder, &device)?);
    }
    Ok(LoraAdapter::new(
        &config(keys, decoder.config.tied)?,
        decoder,
        seed,
        &device,
    )?)
}

/// What the run minimises.
///
/// # Errors
///
/// [`CliError::Setting`] for an unknown loss, and for a divergence from the seed model where the adapter starts
/// as the seed model: there it is zero, and so is its gradient.
pub fn loss(keys: &TrainKeys) -> Result<Loss, CliError> {
    let name = keys.loss.as_deref().unwrap_or("ce");
    let loss = name.parse()?;
    if loss != Loss::CrossEntropy && keys.init_adapter.is_none() {
        return Err(CliError::setting(
            "--loss",
            "ce, or an --init-adapter",
            name,
        ));
    }
    Ok(loss)
}

fn config(keys: &TrainKeys, tied: bool) -> Result<LoraConfig, CliError> {
    let plain = LoraConfig::default();
    let named = |name: &String| name.parse();
    let modules = modules(keys);
    let scaling = if keys.rslora.unwrap_or(false) {
        Scaling::RankStabilized
    } else {
        Scaling::Standard
    };
    Ok(LoraConfig {
        rank: keys.rank.unwrap_or(plain.rank),
        alpha: keys.alpha.unwrap_or(plain.alpha),
        targets: match &keys.targets {
            Some(targets) => targets.parse()?,
            None => plain.targets,
        },
        scaling,
        layers: (!keys.layers.is_empty()).then(|| keys.layers.clone()),
        rank_pattern: patterns("--rank-pattern", &keys.rank_pattern)?,
        alpha_pattern: patterns("--alpha-pattern", &keys.alpha_pattern)?,
        dora: keys.dora.unwrap_or(plain.dora),
        dropout: keys.dropout.unwrap_or(plain.dropout),
        init: keys.init.as_ref().map_or(Ok(plain.init), named)?,
        ensure_weight_tying: keys.ensure_weight_tying.unwrap_or(true)
            && tied
            && modules.iter().any(|name| !name.ends_with("norm")),
        modules_to_save: modules,
    })
}

/// What trains whole: new words need rows of their own in embedding and head.
fn modules(keys: &TrainKeys) -> Vec<String> {
    let mut names = keys.modules_to_save.clone();
    let words = ["embed_tokens", "lm_head"].map(str::to_owned);
    let needed = words.into_iter().filter(|_| !keys.add_tokens.is_empty());
    let missing: Vec<String> = needed.filter(|name| !names.contains(name)).collect();
    names.extend(missing);
    names
}

/// Texts of the form `pattern=number`; the number stands behind the last sign.
fn patterns<T: FromStr>(flag: &str, texts: &[String]) -> Result<Vec<(String, T)>, CliError> {
    let one = |text: &String| {
        let pair = text.rsplit_once('=');
        let pair = pair.and_then(|(key, value)| Some((key.to_owned(), value.parse().ok()?)));
        pair.ok_or_else(|| CliError::setting(flag, "a pattern, =, and a number", text))
    };
    texts.iter().map(one).collect()
}

/// A folder and its weight; a folder that is there under the whole text has the weight 1.
///
/// # Errors
///
/// [`CliError::Setting`] for a weight that is no number.
pub fn weighted(text: &str) -> Result<(&str, f64), CliError> {
    match text.rsplit_once('=') {
        Some((folder, weight)) if !Path::new(text).is_dir() => {
            let number = weight
                .parse::<f64>()
                .ok()
                .filter(|weight| weight.is_finite());
            let wrong = || CliError::setting("--adapter", "a folder, =, and a number", text);
            number.map(|weight| (folder, weight)).ok_or_else(wrong)
        }
        _ => Ok((text, 1.0)),
    }
}
