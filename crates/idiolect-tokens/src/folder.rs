//! The tokenizer of a checkpoint's folder, in whichever file it is.

use std::path::Path;

use crate::tokenizer::read;
use crate::{SpecialTokens, Tokenizer, TokenizerConfig, TokensError, mistral_regex, native};

impl Tokenizer {
    /// Reads the tokenizer of a checkpoint's folder, and its configuration: `tokenizer.json`, or the vendor's own
    /// `tekken.json` or `tokenizer.model` where there is none. A `tokenizer.json` of a Mistral that has the pattern of
    /// Llama 3 is mended ([`fix_mistral_regex`](Self::fix_mistral_regex)).
    ///
    /// # Errors
    ///
    /// Those of [`from_json`](Self::from_json) and of [`TokenizerConfig::read`]; [`TokensError::Read`];
    /// [`TokensError::Native`] for a vendor's file that is not read; [`TokensError::NoTokenizer`].
    pub fn from_folder(folder: &Path) -> Result<(Self, TokenizerConfig), TokensError> {
        let config = TokenizerConfig::read(folder)?;
        let path = folder.join("tokenizer.json");
        if !path.exists() {
            let found = native::read(folder, config)?;
            return found.ok_or_else(|| TokensError::NoTokenizer {
                folder: folder.to_owned(),
            });
        }
        let json = read(&path)?;
        let what = path.display().to_string();
        let Ok(mut value) = serde_json::from_slice(&json) else {
            // The library's own words say what is wrong with it.
            return Ok((Self::from_json(&json, &config.special, &what)?, config));
        };
        let before = mistral_regex::pattern(&value);
        let flag = mistral_regex::mend(folder, &mut value);
        let is_mended = mistral_regex::pattern(&value) != before;
        let json = if is_mended {
            value.to_string().into_bytes()
        } else {
            json
        };
        let mut tokenizer = Self::from_json(&json, &config.special, &what)?;
        tokenizer.fix_mistral_regex = flag;
        tokenizer.is_mended = is_mended;
        Ok((tokenizer, config))
    }

    /// The flag of that name in `tokenizer_config.json`, to be kept beside what was trained with the tokenizer: whether
    /// the vendor's pattern stands in the place of another; none where nothing says so.
    #[must_use]
    pub fn fix_mistral_regex(&self) -> Option<bool> {
        self.fix_mistral_regex
    }

    /// Whether the file had another pattern than this tokenizer.
    #[must_use]
    pub fn is_mended(&self) -> bool {
        self.is_mended
    }

    /// The same tokenizer with other special tokens.
    pub(crate) fn with_special(self, special: &SpecialTokens) -> Result<Self, TokensError> {
        Self::new(self.inner, special)
    }
}
