//! How likely texts are, where many begin alike: what several have in common is computed once.
//!
//! A question is a row of the cache. What all questions begin with, such as worked examples, is computed in one row
//! and given to the others; a question's own words are computed once, and its choices after one another behind them,
//! each over the one before.
//! The values are those of computing every text by itself, but for rounding.

use idiolect::eval::Likelihood;
use idiolect::model::{Part, Session};
use rayon::prelude::*;

use crate::error::CliError;
use crate::opened::Opened;

/// A text of which the end is scored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scored {
    /// The text.
    pub ids: Vec<u32>,
    /// The first token whose likelihood counts; that of the very first token is not known.
    pub start: usize,
}

impl Scored {
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
pub struct Tokens {
    /// As many as all texts have, one by one.
    pub read: usize,
    /// As many as the model computed.
    pub computed: usize,
}

/// A question that has a row of the cache.
struct Lane<'a> {
    question: usize,
    texts: &'a [Scored],
    /// Places of its texts; those of a group are read alike.
    groups: Vec<Vec<usize>>,
    /// What its row holds.
    held: &'a [u32],
}

impl<'a> Lane<'a> {
    /// The lanes of the questions that have something to score.
    fn all(questions: &'a [Vec<Scored>]) -> Vec<Self> {
        let lane = |(question, texts): (usize, &'a Vec<Scored>)| Self {
            question,
            texts,
            groups: alike(texts),
            held: &[],
        };
        let lanes = questions.iter().enumerate().map(lane);
        lanes.filter(|lane| !lane.groups.is_empty()).collect()
    }
}

/// One likelihood for each text of each question, and what they cost.
///
/// # Errors
///
/// [`CliError::Model`] for texts longer than the model's positions and ids outside its vocabulary.
pub fn likelihoods(
    opened: &Opened,
    questions: &[Vec<Scored>],
) -> Result<(Vec<Vec<Likelihood>>, Tokens), CliError> {
    let none = Likelihood {
        log_likelihood: 0.0,
        greedy: true,
    };
    let mut found: Vec<_> = questions.iter().map(|all| vec![none; all.len()]).collect();
    let mut lanes = Lane::all(questions);
    let scored = |text: &&Scored| !text.labels().is_empty();
    let texts: Vec<&Scored> = questions.iter().flatten().filter(scored).collect();
    let mut tokens = Tokens {
        read: texts.iter().map(|text| text.inputs().len()).sum(),
        computed: 0,
    };
    let Some(longest) = texts.iter().map(|text| text.inputs().len()).max() else {
        return Ok((found, tokens));
    };
    let (decoder, adapter) = (&opened.decoder, opened.adapter());
    let mut session = Session::new(decoder, adapter, lanes.len(), longest)?;
    if lanes.len() > 1 {
        tokens.computed += begin(&mut session, &mut lanes, head(&texts))?;
    }
    let vocab = decoder.config.vocab_size;
    let steps = lanes.iter().map(|lane| lane.groups.len()).max();
    for step in 0..steps.unwrap_or(0) {
        tokens.computed += score(&mut session, &mut lanes, step, vocab, &mut found)?;
    }
    Ok((found, tokens))
}

/// Gives every row what all texts begin with; the number of tokens that were computed.
fn begin<'a>(
    session: &mut Session<'_>,
    lanes: &mut [Lane<'a>],
    head: &'a [u32],
) -> Result<usize, CliError> {
    if head.is_empty() {
        return Ok(0);
    }
    session.pass(&[Part {
        row: 0,
        kept: 0,
        tokens: head,
        wanted: 1,
    }])?;
    session.share(head.len())?;
    for lane in lanes {
        lane.held = head;
    }
    Ok(head.len())
}

/// Scores one group of texts of each lane that has as many; the number of tokens that were computed.
fn score(
    session: &mut Session<'_>,
    lanes: &mut [Lane<'_>],
    step: usize,
    vocab: usize,
    found: &mut [Vec<Likelihood>],
) -> Result<usize, CliError> {
    let mut parts = Vec::new();
    for (row, lane) in lanes.iter_mut().enumerate() {
        let Some(group) = lane.groups.get(step) else {
            continue;
        };
        let text = &lane.texts[group[0]];
        let kept = common(lane.held, text.inputs()).min(text.most_kept());
        lane.held = text.inputs();
        parts.push(Part {
            row,
            kept,
            tokens: &text.inputs()[kept..],
            wanted: text.labels().len(),
        });
    }
    let scores = session.pass(&parts)?;
    let mut rest = scores.as_slice();
    for part in &parts {
        let lane = &lanes[part.row];
        let (own, others) = rest.split_at(part.wanted * vocab);
        rest = others;
        for text in &lane.groups[step] {
            let labels = lane.texts[*text].labels();
            found[lane.question][*text] = likelihood(own, vocab, labels);
        }
    }
    Ok(parts.iter().map(|part| part.tokens.len()).sum())
}

/// Places of texts of which the model reads the same, and the same part is scored; in the order of the first.
fn alike(texts: &[Scored]) -> Vec<Vec<usize>> {
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
fn head<'a>(texts: &[&'a Scored]) -> &'a [u32] {
    let Some(first) = texts.first() else {
        return &[];
    };
    let length = |text: &&Scored| common(first.inputs(), text.inputs()).min(text.most_kept());
    &first.inputs()[..texts.iter().map(length).min().unwrap_or(0)]
}

fn common(first: &[u32], second: &[u32]) -> usize {
    first.iter().zip(second).take_while(|(a, b)| a == b).count()
}

/// The likelihood of `labels`, each with `vocab` scores.
fn likelihood(scores: &[f32], vocab: usize, labels: &[u32]) -> Likelihood {
    let pairs = scores.par_chunks_exact(vocab).zip(labels);
    let one = |(scores, label): (&[f32], &u32)| {
        let score = scores
            .get(*label as usize)
            .copied()
            .unwrap_or(f32::NEG_INFINITY);
        let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = scores
            .iter()
            .map(|other| f64::from(other - most).exp())
            .sum();
        (f64::from(score - most) - sum.ln(), most <= score)
    };
    let (values, first): (Vec<f64>, Vec<bool>) = pairs.map(one).unzip();
    Likelihood {
        log_likelihood: values.iter().sum(),
        greedy: first.iter().all(|first| *first),
    }
}
