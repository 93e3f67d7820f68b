//! A vocabulary that grows: words that a run adds, and those that an adapter brings with it.
//!
//! Weights of new words are trained and stored by the adapter (or by `--full`); only their start is made here.

use std::path::Path;

use idiolect::tokens::Tokenizer;

use crate::error::CliError;
use crate::keys::{ModelKeys, TrainKeys};
use crate::opened::Opened;
use crate::text::Text;

/// The model of a training run, with the words of its `--add-tokens` or of its `--init-adapter`.
///
/// # Errors
///
/// As for [`Opened::new`]; [`CliError::Tokens`] for a word that cannot be added, and [`CliError::Setting`] for
/// words beside an adapter to start from.
pub fn open(
    model: &ModelKeys,
    train: &TrainKeys,
    template: Option<&str>,
) -> Result<Opened, CliError> {
    let mut opened = Opened::new(model, None, template)?;
    let words = &train.add_tokens;
    if let Some(folder) = &train.init_adapter {
        if !words.is_empty() {
            let expected = "nothing beside --init-adapter, which brings its own";
            return Err(CliError::setting("--add-tokens", expected, words.join(",")));
        }
        if let Some((tokenizer, text)) = larger(folder, &opened.tokenizer)? {
            let ids = opened.tokenizer.vocab_size()..tokenizer.vocab_size();
            let ids: Vec<u32> = ids.filter_map(|id| u32::try_from(id).ok()).collect();
            learn(&mut opened, (tokenizer, text), &ids, template)?;
        }
    } else if !words.is_empty() {
        let (mut tokenizer, mut text) = (opened.tokenizer.clone(), opened.text.clone());
        let ids = tokenizer.add_tokens(words)?;
        text.hold(&tokenizer)?;
        learn(&mut opened, (tokenizer, text), &ids, template)?;
    }
    Ok(opened)
}

fn learn(
    opened: &mut Opened,
    (tokenizer, mut text): (Tokenizer, Text),
    ids: &[u32],
    template: Option<&str>,
) -> Result<(), CliError> {
    opened.decoder = opened.decoder.clone().with_tokens(ids);
    text.end_tokens(&opened.decoder.config.eos, &tokenizer);
    opened.template = text.template(template, &tokenizer)?;
    (opened.tokenizer, opened.text) = (tokenizer, text);
    Ok(())
}

/// The tokenizer of an adapter's folder, where it has more words than the model's; none where it is the
/// model's, or where the folder has none.
///
/// # Errors
///
/// [`CliError::Setting`] when it has fewer words, or another one in the place of one of the model's: the same
/// text as other ids would be another task. [`CliError::Tokens`] when it cannot be read.
pub fn larger(
    adapter: &Path,
    tokenizer: &Tokenizer,
) -> Result<Option<(Tokenizer, Text)>, CliError> {
    let path = adapter.join("tokenizer.json");
    if !path.is_file() {
        return Ok(None);
    }
    let (theirs, text) = Text::read(adapter)?;
    let (count, found) = (tokenizer.vocab_size(), theirs.vocab_size());
    if found == count {
        return Ok(None);
    }
    let refused = |expected, found| {
        let place = path.display().to_string();
        Err(CliError::setting(&place, expected, found))
    };
    if found < count {
        let expected = format!("the model's tokenizer of {count} words");
        return refused(expected, format!("one of {found} words"));
    }
    let ids = (0..count).filter_map(|id| u32::try_from(id).ok());
    let mut other = ids.filter(|id| theirs.token(*id) != tokenizer.token(*id));
    match other.next() {
        Some(id) => {
            let expected = format!("the model's word {:?} as id {id}", tokenizer.token(id));
            refused(expected, format!("{:?}", theirs.token(id)))
        }
        None => Ok(Some((theirs, text))),
    }
}
