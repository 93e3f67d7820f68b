//! How likely texts are, where many begin alike: what several have in common is computed once.
//!
//! A question is a row of the cache. What all questions begin with, such as worked examples, is computed in one row
//! and given to the others; a question's own words are computed once, and its choices after one another behind them,
//! each over the one before.
//! The values are those of computing every text by itself, but for rounding.

use idiolect_completion::Likelihood;
use idiolect_model::{NewTokens, Session};
use rayon::prelude::*;

use crate::{LanguageModel, LmError};

/// A text of which the end is scored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoredText {
    /// The text.
    pub ids: Vec<u32>,
    /// The first token whose likelihood counts; that of the very first token is not known.
    pub start: usize,
}

impl ScoredText {
    fn first(&self) -> usize {
        self.start.max(1)
    }

    /// What the model reads: the last token is no input.
    fn inputs(&self) -> &[u32] {
        &self.ids[..self.ids.len().saturating_sub(1)]
    }

    /// What is scored; nothing of a text of one token.
    fn labels(&self) -> &[u32] {
        self.ids.get(self.first()..).unwrap_or_default()
    }

    /// How many tokens may come from elsewhere: scores are wanted behind all that follow.
    fn most_kept(&self) -> usize {
        self.first() - 1
    }
}

/// Tokens of the texts, and how many of them were computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenCount {
    /// As many as all texts have, one by one.
    pub read: usize,
    /// As many as the model computed.
    pub computed: usize,
}

impl TokenCount {
    /// A line about what was not computed; none where everything was.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        let Self { read, computed } = self;
        (computed < read).then(|| {
            format!("likelihoods: {computed} of {read} tokens computed, the others shared")
        })
    }
}

/// A question that has a row of the cache.
struct CachedQuestion<'a> {
    number: usize,
    texts: &'a [ScoredText],
    /// Places of its texts; those of a group are read alike.
    groups: Vec<Vec<usize>>,
    /// What its row holds.
    held: &'a [u32],
}

impl<'a> CachedQuestion<'a> {
    /// Those of the questions that have something to score.
    fn all(questions: &'a [Vec<ScoredText>]) -> Vec<Self> {
        let one = |(number, texts): (usize, &'a Vec<ScoredText>)| Self {
            number,
            texts,
            groups: alike(texts),
            held: &[],
        };
        let all = questions.iter().enumerate().map(one);
        all.filter(|one| !one.groups.is_empty()).collect()
    }
}

impl LanguageModel {
    /// One likelihood for each text of each question, and what they cost.
    ///
    /// A question's texts should begin alike, as the choices behind a context do. A text with nothing to
    /// score has the log-likelihood 0.
    ///
    /// # Errors
    ///
    /// [`LmError::Model`] for texts longer than the model's positions and ids outside its vocabulary;
    /// [`LmError::Setting`] for such an id at the end of a text.
    pub fn likelihoods(
        &self,
        questions: &[Vec<ScoredText>],
    ) -> Result<(Vec<Vec<Likelihood>>, TokenCount), LmError> {
        let none = Likelihood {
            log_likelihood: 0.0,
            greedy: true,
        };
        let mut found: Vec<_> = questions.iter().map(|all| vec![none; all.len()]).collect();
        let mut cached = CachedQuestion::all(questions);
        let scored = |text: &&ScoredText| !text.labels().is_empty();
        let texts: Vec<&ScoredText> = questions.iter().flatten().filter(scored).collect();
        let mut tokens = TokenCount {
            read: texts.iter().map(|text| text.inputs().len()).sum(),
            computed: 0,
        };
        let Some(longest) = texts.iter().map(|text| text.inputs().len()).max() else {
            return Ok((found, tokens));
        };
        let (decoder, adapter) = (self.decoder(), self.adapter());
        let vocab = decoder.config.vocab_size;
        check_labels(&texts, vocab)?;
        let mut session = Session::new(decoder, adapter, cached.len(), longest)?;
        let by_length = decoder.config.rope_scaling.switches_beyond().is_some();
        if cached.len() > 1 && !by_length {
            tokens.computed += begin(&mut session, &mut cached, head(&texts))?;
        }
        let steps = cached.iter().map(|one| one.groups.len()).max();
        for step in 0..steps.unwrap_or(0) {
            if by_length {
                // What a token becomes depends on how long its text is: no other text's serve.
                for one in &mut cached {
                    one.held = &[];
                }
            }
            tokens.computed += score(&mut session, &mut cached, step, vocab, &mut found)?;
        }
        Ok((found, tokens))
    }
}

/// The model's own check is of what it reads, and the last token is no input.
fn check_labels(texts: &[&ScoredText], vocab: usize) -> Result<(), LmError> {
    let mut labels = texts.iter().flat_map(|text| text.labels());
    match labels.find(|id| **id as usize >= vocab) {
        Some(id) => {
            let expected = format!("below the vocabulary size {vocab}");
            Err(LmError::setting("token id", expected, id))
        }
        None => Ok(()),
    }
}

/// Gives every row what all texts begin with; the number of tokens that were computed.
fn begin<'a>(
    session: &mut Session<'_>,
    cached: &mut [CachedQuestion<'a>],
    head: &'a [u32],
) -> Result<usize, LmError> {
    if head.is_empty() {
        return Ok(0);
    }
    session.pass(&[NewTokens {
        row: 0,
        kept: 0,
        tokens: head,
        wanted: 1,
    }])?;
    session.share(head.len())?;
    for one in cached {
        one.held = head;
    }
    Ok(head.len())
}

/// Scores one group of texts of each question that has as many; the number of tokens that were computed.
fn score(
    session: &mut Session<'_>,
    cached: &mut [CachedQuestion<'_>],
    step: usize,
    vocab: usize,
    found: &mut [Vec<Likelihood>],
) -> Result<usize, LmError> {
    let mut parts = Vec::new();
    for (row, question) in cached.iter_mut().enumerate() {
        let Some(group) = question.groups.get(step) else {
            continue;
        };
        let text = &question.texts[group[0]];
        let kept = common(question.held, text.inputs()).min(text.most_kept());
        question.held = text.inputs();
        parts.push(NewTokens {
            row,
            kept,
            tokens: &text.inputs()[kept..],
            wanted: text.labels().len(),
        });
    }
    let scores = session.pass(&parts)?;
    let mut rest = scores.as_slice();
    for part in &parts {
        let question = &cached[part.row];
        let (own, others) = rest.split_at(part.wanted * vocab);
        rest = others;
        for text in &question.groups[step] {
            let labels = question.texts[*text].labels();
            found[question.number][*text] = likelihood(own, vocab, labels);
        }
    }
    Ok(parts.iter().map(|part| part.tokens.len()).sum())
}

/// Places of texts of which the model reads the same, and the same part is scored; in the order of the first.
fn alike(texts: &[ScoredText]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        if text.labels().is_empty() {
            continue;
        }
        let same = |group: &&mut Vec<usize>| {
            let other = &texts[group[0]];
            other.inputs() == text.inputs() && other.first() == text.first()
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    groups
}

/// What all texts begin with, before any score is wanted.
fn head<'a>(texts: &[&'a ScoredText]) -> &'a [u32] {
    let Some(first) = texts.first() else {
        return &[];
    };
    let length = |text: &&ScoredText| common(first.inputs(), text.inputs()).min(text.most_kept());
    &first.inputs()[..texts.iter().map(length).min().unwrap_or(0)]
}

fn common(first: &[u32], second: &[u32]) -> usize {
    first.iter().zip(second).take_while(|(a, b)| a == b).count()
}

/// The likelihood of `labels`, each with `vocab` logits.
fn likelihood(logits: &[f32], vocab: usize, labels: &[u32]) -> Likelihood {
    let pairs = logits.par_chunks_exact(vocab).zip(labels);
    let one = |(logits, label): (&[f32], &u32)| {
        let logit = logits
            .get(*label as usize)
            .copied()
            .unwrap_or(f32::NEG_INFINITY);
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = logits
            .iter()
            .map(|other| f64::from(other - most).exp())
            .sum();
        (f64::from(logit - most) - sum.ln(), most <= logit)
    };
    let (values, first): (Vec<f64>, Vec<bool>) = pairs.map(one).unzip();
    Likelihood {
        log_likelihood: values.iter().sum(),
        greedy: first.iter().all(|first| *first),
    }
}
