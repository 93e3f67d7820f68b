//! Texts to unit vectors: tokens, encoder, mean over tokens, and division by the vector's length.

use std::io::Read;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use idiolect_input::{guarded, limits, open_regular, read_bytes};
use tokenizers::{Tokenizer, TruncationParams};

use crate::EmbedError;
use crate::config::Config;
use crate::encoder::Encoder;
use crate::weights::Weights;

/// A sentence encoder.
#[derive(Debug, Clone)]
pub struct Embedder {
    tokenizer: Tokenizer,
    tokenizer_path: PathBuf,
    encoder: Encoder,
    width: usize,
    device: Device,
}

impl Embedder {
    /// Reads a folder in the form that sentence-transformers writes.
    ///
    /// # Errors
    ///
    /// Every [`EmbedError`]: the file, the setting or the tensor that is missing or does not fit.
    pub fn load(folder: &Path, device: &Device) -> Result<Self, EmbedError> {
        let config = Config::read(folder)?;
        let path = folder.join("model.safetensors");
        let mut bytes = Vec::new();
        let read = open_regular(&path).and_then(|mut file| file.read_to_end(&mut bytes));
        read.map_err(EmbedError::io(&path))?;
        let encoder = Encoder::read(&Weights::new(&path, &bytes, device)?, &config)?;
        let path = folder.join("tokenizer.json");
        let json = read_bytes(&path, &limits::TOKENIZER_BYTES).map_err(EmbedError::io(&path))?;
        let tokenizer =
            tokenizer(&json, config.max_tokens).map_err(|source| EmbedError::Tokenizer {
                path: path.clone(),
                source,
            })?;
        let highest = tokenizer.get_vocab(true).into_values().max();
        config.check_ids(folder, highest.unwrap_or(0))?;
        Ok(Self {
            tokenizer,
            tokenizer_path: path,
            encoder,
            width: config.hidden_size,
            device: device.clone(),
        })
    }

    /// Numbers of a vector.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The token ids of a text with its special tokens, truncated to the most that the encoder takes.
    ///
    /// # Errors
    ///
    /// [`EmbedError::Tokenizer`].
    pub fn ids(&self, text: &str) -> Result<Vec<u32>, EmbedError> {
        self.encoded(text).map_err(|source| EmbedError::Tokenizer {
            path: self.tokenizer_path.clone(),
            source,
        })
    }

    fn encoded(&self, text: &str) -> tokenizers::Result<Vec<u32>> {
        limits::TEXT_BYTES.check(text.len() as u64)?;
        let encoded = guarded(|| self.tokenizer.encode(text, true))??;
        let ids = encoded.get_ids();
        // The vocabulary was looked at; a post-processor may add others.
        let most = self.encoder.vocabulary();
        match ids.iter().find(|id| most <= **id as usize) {
            Some(id) => {
                Err(format!("post_processor: expected ids below {most}, found {id}").into())
            }
            None => Ok(ids.to_vec()),
        }
    }

    /// One vector of length 1 for each text, in their order. `batch_size` is how many texts of similar length are
    /// computed together, at least 1; 0 counts as 1.
    ///
    /// # Errors
    ///
    /// [`EmbedError::Tokenizer`].
    pub fn embed(&self, texts: &[&str], batch_size: usize) -> Result<Vec<Vec<f32>>, EmbedError> {
        let ids = texts.iter().map(|text| self.ids(text));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_by_key(|at| ids[*at].len());
        let mut found = vec![Vec::new(); ids.len()];
        for part in order.chunks(batch_size.max(1)) {
            let rows: Vec<&[u32]> = part.iter().map(|at| ids[*at].as_slice()).collect();
            let values = self.batch(&rows).into_data();
            let values: Vec<f32> = values.iter::<f32>().collect();
            for (at, vector) in part.iter().zip(values.chunks_exact(self.width)) {
                found[*at] = vector.to_vec();
            }
        }
        Ok(found)
    }

    /// Unit vectors of one batch, `[rows, width]`.
    fn batch(&self, rows: &[&[u32]]) -> Tensor<2> {
        // A text without a token is padding alone, and its vector is 0.
        let tokens = rows.iter().map(|row| row.len()).max().unwrap_or(0).max(1);
        let (mut ids, mut mask) = (Vec::new(), Vec::new());
        for row in rows {
            let padding = tokens - row.len();
            ids.extend(row.iter().map(|id| i64::from(*id)));
            ids.extend(std::iter::repeat_n(0, padding));
            mask.extend(std::iter::repeat_n(1.0_f32, row.len()));
            mask.extend(std::iter::repeat_n(0.0, padding));
        }
        let mask = TensorData::new(mask, [rows.len(), tokens]);
        let mask: Tensor<2> = Tensor::from_data(mask, &self.device);
        let hidden = self.encoder.forward(ids, &mask);
        // The sum and not the mean: dividing by the count does not change the direction of the vector.
        let sum = (hidden * mask.unsqueeze_dim(2)).sum_dim(1);
        let sum: Tensor<2> = sum.reshape([rows.len(), self.width]);
        let length = sum.clone().square().sum_dim(1).sqrt().clamp_min(1e-12);
        sum / length
    }
}

/// The tokenizer without the padding of its file, and with this limit instead of the file's.
fn tokenizer(json: &[u8], max_tokens: usize) -> tokenizers::Result<Tokenizer> {
    let mut tokenizer = guarded(|| Tokenizer::from_bytes(json))??;
    tokenizer.with_padding(None);
    tokenizer.with_truncation(Some(TruncationParams {
        max_length: max_tokens,
        ..TruncationParams::default()
    }))?;
    Ok(tokenizer)
}

/// The cosine of the angle between two vectors, -1 to 1; 0 where one of them has length 0.
#[must_use]
pub fn cosine(left: &[f32], right: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let pairs = a.iter().zip(b);
        pairs.map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
    };
    let lengths = (dot(left, left) * dot(right, right)).sqrt();
    if lengths == 0.0 {
        0.0
    } else {
        dot(left, right) / lengths
    }
}

#[cfg(test)]
mod tests {
    use super::cosine;

    #[test]
    fn cosines_of_known_angles() {
        assert!((cosine(&[1.0, 0.0], &[3.0, 3.0]) - 0.5_f64.sqrt()).abs() < 1e-7);
        assert!((cosine(&[1.0, 2.0], &[-1.0, -2.0]) + 1.0).abs() < 1e-12);
        assert!(cosine(&[0.0, 0.0], &[1.0, 0.0]).abs() < 1e-12);
    }
}
