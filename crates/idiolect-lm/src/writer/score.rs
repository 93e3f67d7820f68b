//! Likelihoods of texts behind their contexts.

use idiolect_completion::{BoxError, Likelihood, LikelihoodRequest, Scorer};

use super::LocalWriter;
use crate::likelihood::ScoredText;
use crate::{LanguageModel, LmError};

impl Scorer for LocalWriter<'_> {
    fn likelihoods(
        &mut self,
        questions: &[&[LikelihoodRequest]],
    ) -> Result<Vec<Vec<Likelihood>>, BoxError> {
        let row = |request: &LikelihoodRequest| self.model.scored_text(request);
        let rows = |texts: &&[LikelihoodRequest]| texts.iter().map(row).collect();
        let texts = questions.iter().map(rows);
        let texts = texts.collect::<Result<Vec<Vec<ScoredText>>, LmError>>()?;
        let (found, tokens) = self.model.likelihoods(&texts)?;
        self.tokens.read += tokens.read;
        self.tokens.computed += tokens.computed;
        self.progress.advance(texts.iter().map(Vec::len).sum());
        Ok(found)
    }
}

impl LanguageModel {
    /// Context and continuation encoded as one; what is behind the context's own tokens is scored. A text
    /// that is too long loses its beginning, as in lm-evaluation-harness.
    fn scored_text(&self, request: &LikelihoodRequest) -> Result<ScoredText, LmError> {
        let LikelihoodRequest { context, text } = request;
        let mut ids = self.text_ids(&format!("{context}{text}"))?;
        let own = self.text_ids(context)?.len().min(ids.len());
        // The last token is no input, so that one more fits.
        let most = self.max_positions() + 1;
        let cut = ids.len().saturating_sub(most);
        ids.drain(..cut);
        let start = own.saturating_sub(cut);
        Ok(ScoredText { ids, start })
    }
}
