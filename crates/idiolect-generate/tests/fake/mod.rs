//! A model whose logits are a function of each row's own tokens, and keeps a log of its calls.

#![allow(dead_code, reason = "each test program uses a part")]

use std::ops::ControlFlow;

use idiolect_generate::{
    BoxError, GenerateError, Generated, Logits, NextLogits, Request, Sampling, Settings, Stops,
    generate,
};

/// Logits of a row from its prompt and new tokens.
type Rule = Box<dyn Fn(&[u32]) -> Vec<f32>>;

pub(crate) struct Fake {
    pub(crate) vocab: usize,
    pub(crate) context: Option<usize>,
    pub(crate) rule: Rule,
    pub(crate) rows: Vec<Vec<u32>>,
    /// Rows at each prefill and step.
    pub(crate) widths: Vec<usize>,
}

impl Fake {
    pub(crate) fn new(vocab: usize, rule: impl Fn(&[u32]) -> Vec<f32> + 'static) -> Self {
        Self {
            vocab,
            context: None,
            rule: Box::new(rule),
            rows: Vec::new(),
            widths: Vec::new(),
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

    fn logits(&mut self) -> Logits {
        self.widths.push(self.rows.len());
        let values = self.rows.iter().flat_map(|row| (self.rule)(row)).collect();
        Logits {
            vocab: self.vocab,
            values,
        }
    }
}

impl NextLogits for Fake {
    fn vocab(&self) -> usize {
        self.vocab
    }

    fn context(&self) -> Option<usize> {
        self.context
    }

    fn prefill(&mut self, prompts: &[Vec<u32>]) -> Result<Logits, BoxError> {
        self.rows = prompts.to_vec();
        Ok(self.logits())
    }

    fn step(&mut self, tokens: &[u32]) -> Result<Logits, BoxError> {
        if tokens.len() != self.rows.len() {
            return Err(format!("{} tokens for {} rows", tokens.len(), self.rows.len()).into());
        }
        self.rows
            .iter_mut()
            .zip(tokens)
            .for_each(|(row, &token)| row.push(token));
        Ok(self.logits())
    }

    fn keep(&mut self, rows: &[usize]) -> Result<(), BoxError> {
        self.rows = rows.iter().map(|&row| self.rows[row].clone()).collect();
        Ok(())
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

pub(crate) fn settings(max_new_tokens: usize) -> Settings {
    Settings {
        sampling: Sampling::GREEDY,
        stops: Stops::default(),
        max_new_tokens,
        batch_size: 4,
    }
}

/// A request for each prompt, numbered from 0, each with its own seed.
pub(crate) fn requests(prompts: &[Vec<u32>]) -> Vec<Request> {
    let request = |(index, prompt): (usize, &Vec<u32>)| Request {
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
    settings: &Settings,
) -> Result<Vec<Generated>, GenerateError> {
    generate(model, requests, settings, &decode, &mut |_| {
        ControlFlow::Continue(())
    })
}
