//! Dropout masks: which values of a tensor are left out, made where the tensor is.
//!
//! A number for each value of `[tokens, channels]` would be drawn on the host and carried to the device. Here two
//! numbers are drawn for each token and two for each channel, and every device makes the same mask of them:
//! `h = (a_token b_channel + c_token + d_channel) mod p`, and a value is left out where `h` is below a limit. With
//! `a`, `b`, `c` and `d` drawn evenly below the prime `p`, each `h` is even below `p`, two of them do not depend on each
//! other (the pairwise independence of linear hashing: Carter and Wegman, Journal of Computer and System Sciences 18,
//! 1979), and no sum passes 31 bits, which is what a GPU's integers have.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};

/// The largest prime whose square, with two more terms, is below 2^31.
const PRIME: u32 = 46_337;

/// The numbers that a mask is made of, each below [`DropoutKeys::BELOW`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropoutKeys {
    /// A factor and a term of each token.
    pub tokens: [Vec<u32>; 2],
    /// A factor and a term of each channel.
    pub channels: [Vec<u32>; 2],
}

impl DropoutKeys {
    /// What the numbers are below.
    pub const BELOW: u32 = PRIME;

    /// A mask for `[rows, tokens, channels]`: 0 with probability `share`, to the nearest 46337th, elsewhere the
    /// reciprocal of what is kept (Srivastava et al., JMLR 15, 2014), in f32 and on `device`.
    ///
    /// # Panics
    ///
    /// If there are not as many numbers as tokens of all rows and channels, or one is too large.
    #[must_use]
    pub fn mask(&self, share: f64, shape: [usize; 3], device: &Device) -> Tensor<3> {
        self.assert_fits(shape);
        #[cfg(feature = "flex")]
        if *device == Device::flex() {
            let values = self.values(share);
            return Tensor::from_data(TensorData::new(values, shape), (device, DType::F32));
        }
        self.mask_by_tensors(share, shape, device)
    }

    /// [`DropoutKeys::mask`] from Burn's own operations, on any device.
    ///
    /// # Panics
    ///
    /// As [`DropoutKeys::mask`].
    #[must_use]
    pub fn mask_by_tensors(&self, share: f64, shape: [usize; 3], device: &Device) -> Tensor<3> {
        self.assert_fits(shape);
        let [rows, tokens, channels] = shape;
        let numbers = |keys: &[u32], shape: [usize; 3]| {
            let keys: Vec<i32> = keys.iter().map(|key| key.cast_signed()).collect();
            Tensor::<3, Int>::from_data(TensorData::new(keys, shape), device)
        };
        let [a, c] = self
            .tokens
            .each_ref()
            .map(|keys| numbers(keys, [rows, tokens, 1]));
        let [b, d] = self
            .channels
            .each_ref()
            .map(|keys| numbers(keys, [1, 1, channels]));
        let hash = (a * b + c + d).remainder_scalar(PRIME);
        let Threshold { limit, kept } = Threshold::of(share);
        let is_kept = hash.greater_equal_elem(limit).float();
        is_kept.cast(DType::F32).mul_scalar(kept)
    }

    #[cfg(feature = "flex")]
    fn values(&self, share: f64) -> Vec<f32> {
        let Threshold { limit, kept } = Threshold::of(share);
        let ([factors, terms], [b, d]) = (&self.tokens, &self.channels);
        let mut values = Vec::with_capacity(factors.len() * b.len());
        for (a, c) in factors.iter().zip(terms) {
            let hashes = b.iter().zip(d).map(|(b, d)| (a * b + c + d) % PRIME);
            values.extend(hashes.map(|hash| if hash < limit { 0.0 } else { kept }));
        }
        values
    }

    fn assert_fits(&self, [rows, tokens, channels]: [usize; 3]) {
        let is_long =
            |keys: &[Vec<u32>; 2], length: usize| keys.iter().all(|one| one.len() == length);
        assert!(
            is_long(&self.tokens, rows * tokens) && is_long(&self.channels, channels),
            "two numbers for each token and each channel"
        );
        let mut all = self.tokens.iter().chain(&self.channels).flatten();
        assert!(all.all(|key| *key < PRIME), "numbers below {PRIME}");
    }
}

/// A share of the values that is left out.
struct Threshold {
    /// What is below it is left out.
    limit: u32,
    /// The value of the rest.
    kept: f32,
}

impl Threshold {
    fn of(share: f64) -> Self {
        // A whole number from 0 to p - 1, so that something is always kept.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let limit = (share * f64::from(PRIME)).round() as u32;
        let limit = limit.min(PRIME - 1);
        #[allow(clippy::cast_possible_truncation)]
        let kept = (f64::from(PRIME) / f64::from(PRIME - limit)) as f32;
        Self { limit, kept }
    }
}
