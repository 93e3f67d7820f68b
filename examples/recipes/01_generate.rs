//! Text from a checkpoint: tokenizer, chat template, decoder and sampler, joined by hand.
//!
//! `cargo run --release -p idiolect-recipes --example 01_generate -- MODEL_FOLDER "Your question"`
#![allow(clippy::print_stdout)]

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::{Device, FloatDType};
use idiolect::data::{Message, Role};
use idiolect::generate::{
    BoxError, Logits, NextLogits, Part, Request, Sampling, Settings, Stops, generate,
};
use idiolect::model::{self, Decoder, NoAdapter, Session};
use idiolect::prompt::{ChatTemplate, ChatTokens};
use idiolect::tokens::Tokenizer;

/// The generation loop drives anything that maps token ids to scores; this is a decoder as such a thing.
struct Scores<'a> {
    decoder: &'a Decoder,
    session: Option<Session<'a>>,
}

impl NextLogits for Scores<'_> {
    fn vocab(&self) -> usize {
        self.decoder.config.vocab_size
    }

    fn begin(&mut self, rows: usize, tokens: usize) -> Result<(), BoxError> {
        self.session = Some(Session::new(self.decoder, &NoAdapter, rows, tokens)?);
        Ok(())
    }

    fn share(&mut self, tokens: usize) -> Result<(), BoxError> {
        let session = self.session.as_mut().ok_or("begin comes first")?;
        Ok(session.share(tokens)?)
    }

    fn pass(&mut self, parts: &[Part<'_>]) -> Result<Logits, BoxError> {
        let parts = parts.iter().map(|part| model::Part {
            row: part.row,
            kept: part.kept,
            tokens: part.tokens,
            wanted: part.wanted,
        });
        let parts: Vec<model::Part<'_>> = parts.collect();
        let session = self.session.as_mut().ok_or("begin comes first")?;
        let values = session.pass(&parts)?;
        Ok(Logits {
            vocab: self.vocab(),
            values,
        })
    }
}

fn main() -> Result<(), BoxError> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("a model folder")?;
    let question = args
        .next()
        .unwrap_or_else(|| "Name three primary colors.".into());

    let (tokenizer, config) = Tokenizer::from_folder(Path::new(&folder))?;
    let tokens = ChatTokens {
        eos: config.special.eos.clone(),
        ..ChatTokens::default()
    };
    let template = ChatTemplate::new(
        config.chat_template(None).ok_or("no chat template")?,
        tokens,
    )?;
    let (decoder, _) = idiolect::model::load(Path::new(&folder), &Device::flex(), FloatDType::F32)?;

    let messages = [Message {
        role: Role::User,
        content: question,
    }];
    let prompt = tokenizer.encode(&template.prompt(&messages)?)?.ids;
    let settings = Settings {
        sampling: Sampling {
            temperature: 0.7,
            top_p: 0.9,
            ..Sampling::GREEDY
        },
        stops: Stops {
            tokens: decoder.config.eos.clone(),
            ..Stops::default()
        },
        max_new_tokens: 100,
        batch_size: 1,
        share_prefixes: true,
        speculate: 4,
    };
    let mut model = Scores {
        decoder: &decoder,
        session: None,
    };
    let decode = |ids: &[u32]| Ok(tokenizer.decode(ids, true)?);
    let request = Request {
        index: 0,
        prompt,
        seed: 7,
    };
    let rows = generate(&mut model, &[request], &settings, &decode, &mut |_| {
        ControlFlow::Continue(())
    })?;
    println!("{}", rows[0].text);
    Ok(())
}
