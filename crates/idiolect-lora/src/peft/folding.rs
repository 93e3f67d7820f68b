//! Factors of embedding and head, and rows of some tokens, put on the matrices that they change.
//!
//! What comes out stands in the place of the decoder's own matrix: such an adapter is applied and merged like any
//! other, and not trained on.

use burn::tensor::{Device, Tensor, TensorData};
use idiolect_model::transposed;

use super::rows::Tokens;
use super::tensors::{EMBEDDING_FACTORS, FACTORS, MAGNITUDE, Reader};
use crate::LoraError;
use crate::factors::{Factors, Values, as_f32};
use crate::init::of_weight;
use crate::paths::{EMBEDDING, HEAD};
use crate::places::{Places, Size};

/// Embedding and head, each `[words, hidden]`, where the adapter has its own.
#[derive(Default)]
pub(super) struct Words {
    pub(super) embedding: Option<Vec<f32>>,
    pub(super) head: Option<Vec<f32>>,
    /// Whether the embedding is the head as well.
    pub(super) tied: bool,
    /// Modules whose change came as factors or as rows.
    pub(super) folded: Vec<String>,
}

/// How embedding and head change beside what is whole.
pub(super) struct Changes<'a> {
    pub(super) places: &'a Places,
    pub(super) tokens: &'a Tokens,
}

impl Changes<'_> {
    fn size(&self, path: &str) -> Option<Size> {
        match path {
            EMBEDDING => self.places.embedding,
            _ => self.places.head,
        }
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.size(path).is_some() || !self.tokens.of(path).is_empty()
    }
}

/// Puts factors and rows on the matrices that they change.
pub(super) struct Folding<'a> {
    pub(super) file: &'a Reader<'a>,
    pub(super) changes: &'a Changes<'a>,
    pub(super) device: Device,
}

impl Folding<'_> {
    pub(super) fn fold(&self, words: Words) -> Result<Words, LoraError> {
        let (was_tied, changes) = (self.file.model.tied, self.changes);
        let keeps = was_tied && self.file.config.ensure_weight_tying;
        self.refuse(was_tied)?;
        let own = words.embedding.clone();
        let embedding = match (changes.has(EMBEDDING), own) {
            (true, own) => Some(self.changed(EMBEDDING, own)?),
            (false, own) => own,
        };
        let follows = changes.tokens.tied || (keeps && changes.places.embedding.is_some());
        if follows && changes.places.embedding.is_some() {
            self.check_twice()?;
        }
        let head = match words.head {
            _ if follows => None,
            own if changes.has(HEAD) => {
                let own = own.or_else(|| words.embedding.filter(|_| was_tied));
                Some(self.changed(HEAD, own)?)
            }
            // A head that was the embedding stays what it was, with the rows that the file has.
            None if was_tied && changes.has(EMBEDDING) => words.embedding,
            own => own,
        };
        let named = [EMBEDDING, HEAD]
            .into_iter()
            .filter(|path| changes.has(path));
        Ok(Words {
            tied: follows || (words.tied && head.is_none()),
            folded: named.map(str::to_owned).collect(),
            embedding,
            head,
        })
    }

    /// Refuses what PEFT refuses, and what it leaves to the order in which it reads.
    fn refuse(&self, was_tied: bool) -> Result<(), LoraError> {
        let (config, places) = (self.file.config, self.changes.places);
        if config.lora_bias && (places.embedding.is_some() || places.head.is_some()) {
            return Err(self
                .file
                .setting("lora_bias", "false with embedding or head", "true"));
        }
        if was_tied && places.head.is_some() && config.init.is_of_weight() {
            let expected = "a start that leaves the weight, for a head that is the embedding";
            let found = format!("{:?}", config.init).to_lowercase();
            return Err(self.file.setting("init_lora_weights", expected, &found));
        }
        for path in [EMBEDDING, HEAD] {
            if self.changes.size(path).is_some() && !self.changes.tokens.of(path).is_empty() {
                let expected = "none of a module that target_modules names";
                return Err(self.file.setting("trainable_token_indices", expected, path));
            }
        }
        Ok(())
    }

    /// Refuses factors of a head that is the embedding which are not the embedding's, the other way round.
    fn check_twice(&self) -> Result<(), LoraError> {
        let ends = EMBEDDING_FACTORS.into_iter().rev().zip(FACTORS);
        for (above, below) in ends {
            let [above, below] = [Reader::name(EMBEDDING, above), Reader::name(HEAD, below)];
            let (Some(one), Some(other)) = (self.file.view(&above), self.file.view(&below)) else {
                continue;
            };
            let [rows, columns] = [0, 1].map(|at| one.shape().get(at).copied().unwrap_or(0));
            let one = self.file.values(&above, &[rows, columns])?;
            let expected = "the values of the embedding, which is the head";
            if other.shape() != [columns, rows]
                || self.file.values(&below, &[columns, rows])? != transposed(&one, columns)
            {
                return Err(self.file.wrong(&below, expected, "others"));
            }
        }
        Ok(())
    }

    /// A matrix `[words, hidden]` with its change: `own` of the file, or the decoder's.
    fn changed(&self, path: &str, own: Option<Vec<f32>>) -> Result<Vec<f32>, LoraError> {
        let is_stored = own.is_some();
        let mut matrix = own.map_or_else(|| self.of_decoder(path), Ok)?;
        match self.changes.size(path) {
            Some(size) if path == EMBEDDING => self.with_factors(size, &matrix),
            Some(size) => self.with_head_factors(size, &matrix, is_stored),
            None => {
                let ids = self.changes.tokens.of(path);
                self.file.put_rows(path, ids, &mut matrix)?;
                Ok(matrix)
            }
        }
    }

    fn of_decoder(&self, path: &str) -> Result<Vec<f32>, LoraError> {
        let Some(decoder) = self.file.decoder else {
            let expected = "updates of projections alone without the model's weights";
            return Err(self.file.setting("target_modules", expected, path));
        };
        let matrix = match path {
            EMBEDDING => as_f32(decoder.weights.embedding.val()),
            _ => as_f32(decoder.head()).transpose(),
        };
        let data = matrix.without_autodiff().into_data();
        Ok(data.iter::<f32>().collect())
    }

    /// The embedding is a linear map of a token's unit vector: `[words, hidden]` is its weight as it is.
    fn with_factors(&self, size: Size, matrix: &[f32]) -> Result<Vec<f32>, LoraError> {
        let width = self.file.model.hidden_size;
        let (rank, words) = (size.rank, matrix.len() / width.max(1));
        let part = |end| Reader::name(EMBEDDING, end);
        let a = self
            .file
            .values(&part("lora_embedding_A"), &[rank, words])?;
        let b = self
            .file
            .values(&part("lora_embedding_B"), &[width, rank])?;
        let values = Values {
            a: transposed(&a, words),
            b: transposed(&b, rank),
            input: words,
            rank,
            output: width,
        };
        let [a, b] = values.tensors(&self.device);
        let factors = Factors::new(a, b, size.scale);
        let weight = self.tensor(matrix.to_vec(), [words, width]);
        self.sum(EMBEDDING, factors, weight)
    }

    fn with_head_factors(
        &self,
        size: Size,
        matrix: &[f32],
        is_stored: bool,
    ) -> Result<Vec<f32>, LoraError> {
        let width = self.file.model.hidden_size;
        let words = matrix.len() / width.max(1);
        let [a, b] = self.file.pair(HEAD, size.rank, [width, words])?;
        let values = Values {
            a,
            b,
            input: width,
            rank: size.rank,
            output: words,
        };
        let [a, b] = values.tensors(&self.device);
        let mut factors = Factors::new(a, b, size.scale);
        let weight = self.tensor(transposed(matrix, width), [width, words]);
        // What the file has of the weight is what PEFT left of it.
        if self.file.config.init.is_of_weight() && !is_stored {
            let origin = of_weight(self.file.config.init, &weight, size, &HEAD)?;
            factors.frozen.origin = Some(origin.tensors(&self.device));
        }
        let sum = self.sum(HEAD, factors, weight)?;
        Ok(transposed(&sum, words))
    }

    fn tensor(&self, values: Vec<f32>, shape: [usize; 2]) -> Tensor<2> {
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }

    /// A weight `[in, out]` with the change of its factors, row after row.
    fn sum(&self, path: &str, factors: Factors, weight: Tensor<2>) -> Result<Vec<f32>, LoraError> {
        let factors = if self.file.config.dora {
            let name = Reader::name(path, MAGNITUDE);
            let lengths = self.file.values(&name, &[weight.dims()[1]])?;
            factors.with_magnitude(weight.clone(), Some(lengths))
        } else {
            factors
        };
        let sum = weight + factors.dense();
        Ok(sum.into_data().iter::<f32>().collect())
    }
}
