//! A model whose logits are a function of each row's own tokens, and keeps a log of its calls.

use std::ops::ControlFlow;

use idiolect_generate::{
    BoxError, Decisive, GenerateError, Generated, GenerationConfig, Largest, Logits, NextLogits,
    Request, RowPart, Sampling, Stops, generate,
};

/// Settings that draw, each step of the sampler at work.
pub(crate) const SAMPLED: Sampling = Sampling {
    temperature: 0.95,
    top_k: 5,
    top_p: 0.7,
    min_p: 0.01,
    repetition_penalty: 1.1,
};

/// Logits of a row from its prompt and new tokens.
type Rule = Box<dyn Fn(&[u32]) -> Vec<f32>>;

pub(crate) struct Fake {
    pub(crate) vocab: usize,
    pub(crate) context: Option<usize>,
    pub(crate) rule: Rule,
    pub(crate) rows: Vec<Vec<u32>>,
    pub(crate) room: usize,
    /// Rows in each pass.
    pub(crate) widths: Vec<usize>,
    /// Tokens in each pass.
    pub(crate) tokens: Vec<usize>,
    /// Gives the largest logits alone where no more are wanted, as a device does.
    pub(crate) on_device: bool,
    /// Logits of the last pass, and how many of its rows were read whole.
    pub(crate) last: Vec<f32>,
    pub(crate) whole: usize,
}

impl Fake {
    pub(crate) fn new(vocab: usize, rule: impl Fn(&[u32]) -> Vec<f32> + 'static) -> Self {
        Self {
            vocab,
            context: None,
            rule: Box::new(rule),
            rows: Vec::new(),
            room: 0,
            widths: Vec::new(),
            tokens: Vec::new(),
            on_device: false,
            last: Vec::new(),
            whole: 0,
        }
    }

    /// Every row goes on with `script` after its prompt of one token.
    pub(crate) fn script(vocab: usize, script: &'static [u32]) -> Self {
        Self::new(vocab, move |tokens| {
            one_hot(vocab, script[(tokens.len() - 1) % script.len()])
        })
    }

    /// Scattered logits that depend on all tokens of the row.
    pub(crate) fn scattered(vocab: usize) -> Self {
        Self::new(vocab, move |tokens| {
            let seed = tokens
                .iter()
                .fold(7u64, |all, &token| mix(all ^ u64::from(token)));
            let logit = |id| (mix(seed ^ (id << 32)) >> 40) as f32 / (1 << 22) as f32;
            (0..vocab as u64).map(logit).collect()
        })
    }
}

impl NextLogits for Fake {
    fn vocab(&self) -> usize {
        self.vocab
    }

    fn context(&self) -> Option<usize> {
        self.context
    }

    fn begin(&mut self, rows: usize, tokens: usize) -> Result<(), BoxError> {
        self.rows = vec![Vec::new(); rows];
        self.room = tokens;
        Ok(())
    }

    fn share(&mut self, tokens: usize) -> Result<(), BoxError> {
        let shared = self.rows[0]
            .get(..tokens)
            .ok_or("more shared than there is")?
            .to_vec();
        self.rows.fill(shared);
        Ok(())
    }

    fn pass(&mut self, parts: &[RowPart<'_>]) -> Result<Logits, BoxError> {
        if !parts.is_sorted_by(|a, b| a.row < b.row) || parts.is_empty() {
            return Err("parts out of order".into());
        }
        let mut values = Vec::new();
        for part in parts {
            let row = &mut self.rows[part.row];
            if part.kept > row.len() || part.tokens.is_empty() || part.wanted > part.tokens.len() {
                return Err(format!("{part:?} on {} tokens", row.len()).into());
            }
            row.truncate(part.kept);
            row.extend_from_slice(part.tokens);
            if row.len() > self.room {
                return Err(format!("{} tokens in a room for {}", row.len(), self.room).into());
            }
            let ends = row.len() + 1 - part.wanted..=row.len();
            values.extend(ends.flat_map(|end| (self.rule)(&row[..end])));
        }
        self.widths.push(parts.len());
        self.tokens
            .push(parts.iter().map(|part| part.tokens.len()).sum());
        let vocab = self.vocab;
        Ok(Logits { vocab, values })
    }

    fn pass_largest(
        &mut self,
        parts: &[RowPart<'_>],
        wanted: Decisive,
    ) -> Result<Option<Vec<Largest>>, BoxError> {
        if !self.on_device {
            return Ok(None);
        }
        self.last = self.pass(parts)?.values;
        Ok(Some(
            self.last
                .chunks(self.vocab)
                .map(|row| largest(row, wanted))
                .collect(),
        ))
    }

    fn whole(&mut self, row: usize) -> Result<Vec<f32>, BoxError> {
        self.whole += 1;
        Ok(self.last[row * self.vocab..(row + 1) * self.vocab].to_vec())
    }
}

/// By a full sort, equal logits from the highest id down: the order is the device's own affair.
fn largest(row: &[f32], wanted: Decisive) -> Largest {
    let mut entries: Vec<(u32, f32)> = (0..).zip(row.iter().copied()).collect();
    entries.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
    let best = f64::from(entries[0].1);
    entries.truncate(wanted.most);
    let all_finite = row.iter().all(|logit| *logit < f32::INFINITY);
    let mass = wanted.mass_at.map(|temperature| {
        let weight = |logit: &f32| ((f64::from(*logit) - best) / f64::from(temperature)).exp();
        row.iter().map(weight).sum()
    });
    Largest {
        entries,
        all_finite,
        mass,
    }
}

fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 33))
        .wrapping_add(1)
        .wrapping_mul(0xff51_afd7_ed55_8ccd);
    (z ^ (z >> 29)).wrapping_mul(0xc4ce_b9fe_1a85_ec53) ^ (z >> 31)
}

pub(crate) fn one_hot(vocab: usize, token: u32) -> Vec<f32> {
    (0..vocab)
        .map(|id| if id == token as usize { 2.0 } else { 0.5 })
        .collect()
}

pub(crate) fn settings(max_new_tokens: usize) -> GenerationConfig {
    GenerationConfig {
        sampling: Sampling::GREEDY,
        stops: Stops::default(),
        max_new_tokens,
        batch_size: 4,
        share_prefixes: true,
        speculate: 0,
    }
}

/// A request for each prompt, numbered from 0, each with its own seed.
pub(crate) fn requests(prompts: &[Vec<u32>]) -> Vec<Request> {
    let request = |(index, prompt): (usize, &Vec<u32>)| Request {
        variant: 0,
        index,
        prompt: prompt.clone(),
        seed: Request::row_seed(42, index),
    };
    prompts.iter().enumerate().map(request).collect()
}

/// Tokens are code points, so that texts can be read in the tests.
pub(crate) fn decode(tokens: &[u32]) -> Result<String, BoxError> {
    let letter = |&token| char::from_u32(token).ok_or_else(|| format!("no letter {token}").into());
    tokens.iter().map(letter).collect()
}

pub(crate) fn run(
    model: &mut Fake,
    requests: &[Request],
    settings: &GenerationConfig,
) -> Result<Vec<Generated>, GenerateError> {
    generate(model, requests, settings, &decode, &mut |_| {
        ControlFlow::Continue(())
    })
}
