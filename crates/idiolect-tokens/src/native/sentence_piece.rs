//! `tokenizer.model` in `SentencePiece`'s form, a message of Protocol Buffers.
//!
//! Field numbers are those of google/sentencepiece `src/sentencepiece_model.proto`. Read are the pieces with their
//! scores and types, the ids of special tokens, and whether a text begins with a space. Merges go by score.

use super::problem::Problem;
use crate::GgufVocabulary;

/// A field of a message: a number, or bytes.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Float(f32),
}

struct Message<'a> {
    rest: &'a [u8],
}

impl<'a> Message<'a> {
    /// The next field with its number; none at the end.
    fn next(&mut self) -> Result<Option<(u64, Field<'a>)>, Problem> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.number()?;
        let field = match key & 7 {
            0 => Field::Number(self.number()?),
            1 => {
                self.take(8)?;
                Field::Bytes(&[])
            }
            2 => {
                let length = usize::try_from(self.number()?).unwrap_or(usize::MAX);
                Field::Bytes(self.take(length)?)
            }
            5 => {
                let bytes = self.take(4)?;
                let four = <[u8; 4]>::try_from(bytes).unwrap_or_default();
                Field::Float(f32::from_le_bytes(four))
            }
            other => {
                return Err(Problem::new(
                    "a SentencePiece model",
                    format!("wire type {other}"),
                ));
            }
        };
        Ok(Some((key >> 3, field)))
    }

    fn number(&mut self) -> Result<u64, Problem> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Problem::new(
            "a SentencePiece model",
            "a number of more than 64 bits",
        ))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Problem> {
        let cut = || Problem::new("a SentencePiece model", "one that is cut off");
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(cut)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// What the trainer and the normalizer were told.
struct Settings {
    model: u64,
    ids: [Option<u32>; 4],
    add_space: bool,
    drops_space: bool,
    has_map: bool,
}

const BPE: u64 = 2;

pub(super) fn vocabulary(bytes: &[u8]) -> Result<GgufVocabulary, Problem> {
    let mut file = Message { rest: bytes };
    let mut settings = Settings {
        model: 1,
        ids: [Some(0), Some(1), Some(2), None],
        add_space: true,
        drops_space: true,
        has_map: false,
    };
    let mut out = GgufVocabulary {
        model: "llama".to_owned(),
        add_bos: Some(true),
        ..GgufVocabulary::default()
    };
    while let Some((number, field)) = file.next()? {
        match (number, field) {
            (1, Field::Bytes(piece)) => add_piece(piece, &mut out)?,
            (2, Field::Bytes(trainer)) => read_trainer(trainer, &mut settings)?,
            (3, Field::Bytes(normalizer)) => read_normalizer(normalizer, &mut settings)?,
            _ => {}
        }
    }
    check(&settings)?;
    [out.unk, out.bos, out.eos, out.pad] = settings.ids;
    out.add_space_prefix = Some(settings.add_space);
    Ok(out)
}

fn check(settings: &Settings) -> Result<(), Problem> {
    let convert = "or a tokenizer.json: save one with transformers";
    if settings.model != BPE {
        let names = ["", "unigram", "BPE", "word", "char"];
        let name = usize::try_from(settings.model)
            .ok()
            .and_then(|at| names.get(at));
        let found = format!("a model of type {}", name.unwrap_or(&"unknown"));
        return Err(Problem::new(format!("a BPE model, {convert}"), found));
    }
    if settings.drops_space || settings.has_map {
        let found = if settings.has_map {
            "a table of changes"
        } else {
            "removal of white space"
        };
        return Err(Problem::new(
            format!("text that is left as it is, {convert}"),
            found,
        ));
    }
    Ok(())
}

fn add_piece(bytes: &[u8], out: &mut GgufVocabulary) -> Result<(), Problem> {
    let (mut message, mut text, mut score, mut kind) = (Message { rest: bytes }, "", 0.0, 1);
    while let Some((number, field)) = message.next()? {
        match (number, field) {
            (1, Field::Bytes(own)) => {
                let wrong = |_| Problem::new("pieces of text", "other bytes");
                text = std::str::from_utf8(own).map_err(wrong)?;
            }
            (2, Field::Float(own)) => score = own,
            (3, Field::Number(own)) => kind = i32::try_from(own).unwrap_or(1),
            _ => {}
        }
    }
    out.tokens.push(text.to_owned());
    out.scores.push(score);
    out.token_types.push(kind);
    Ok(())
}

fn read_trainer(bytes: &[u8], settings: &mut Settings) -> Result<(), Problem> {
    let mut message = Message { rest: bytes };
    while let Some((number, field)) = message.next()? {
        let Field::Number(value) = field else {
            continue;
        };
        match number {
            3 => settings.model = value,
            // No such token is -1.
            40..=43 => {
                let at = usize::try_from(number - 40).unwrap_or_default();
                settings.ids[at] = u32::try_from(value).ok();
            }
            _ => {}
        }
    }
    Ok(())
}

fn read_normalizer(bytes: &[u8], settings: &mut Settings) -> Result<(), Problem> {
    let mut message = Message { rest: bytes };
    while let Some((number, field)) = message.next()? {
        match (number, field) {
            (2, Field::Bytes(map)) => settings.has_map = !map.is_empty(),
            (3, Field::Number(value)) => settings.add_space = value != 0,
            (4, Field::Number(value)) => settings.drops_space = value != 0,
            _ => {}
        }
    }
    Ok(())
}
