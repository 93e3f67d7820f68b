//! Every kind of vectors has the same numbers.

use pulp::{Scalar, WithSimd};

use super::*;

const LINE: Line = Line {
    scale: 0.3,
    offset: -0.7,
};

/// A piece, and what is made of it.
struct Piece {
    bytes: [i8; PIECE],
    words: [u16; PIECE],
    bits: u32,
}

impl Piece {
    fn expected(&self) -> [[f32; PIECE]; 8] {
        let bytes = self.bytes.map(i8::cast_unsigned);
        let (low, high) = (bytes.map(|byte| byte & 0xf), bytes.map(|byte| byte >> 4));
        let centred = |half: u8| (f32::from(half) - 8.0) * LINE.scale;
        let on_line = |half: u8| f32::from(half) * LINE.scale + LINE.offset;
        [
            bytes.map(f32::from),
            self.bytes.map(f32::from),
            self.words.map(f32::from),
            std::array::from_fn(|i| f32::from((self.bits >> i) & 1 == 1)),
            low.map(centred),
            high.map(centred),
            low.map(on_line),
            high.map(on_line),
        ]
    }
}

impl WithSimd for &Piece {
    type Output = [[f32; PIECE]; 8];

    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let mut found = [[0.0; PIECE]; 8];
        for at in 0..per_piece::<S>() {
            let bit = simd.and_u32s(of_bits(simd, self.bits, at), simd.splat_u32s(1));
            let [low, high] = centred_halves(simd, &self.bytes, at, LINE.scale);
            let [low_on, high_on] = halves_on_line(simd, &self.bytes, at, LINE);
            let vectors = [
                as_float(simd, of_bytes(simd, &self.bytes, at)),
                as_float(simd, of_signed_bytes(simd, &self.bytes, at)),
                as_float(simd, of_words(simd, &self.words, at)),
                as_float(simd, bit),
                low,
                high,
                low_on,
                high_on,
            ];
            for (found, vector) in found.iter_mut().zip(vectors) {
                S::as_mut_simd_f32s(found).0[at] = vector;
            }
        }
        found
    }
}

/// As many rows as a vector has numbers, which are to be transposed.
struct Rows<const N: usize>([[f32; N]; N]);

impl<const N: usize> WithSimd for &Rows<N> {
    type Output = Option<[[f32; N]; N]>;

    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        if S::F32_LANES != N {
            return None;
        }
        let rows: [S::f32s; N] = std::array::from_fn(|i| S::as_simd_f32s(&self.0[i]).0[0]);
        let columns = transposed(simd, rows)?;
        let mut found = [[0.0; N]; N];
        for (found, column) in found.iter_mut().zip(columns) {
            S::as_mut_simd_f32s(found).0[0] = column;
        }
        Some(found)
    }
}

fn square<const N: usize>(number: impl Fn(usize, usize) -> usize) -> [[f32; N]; N] {
    std::array::from_fn(|row| std::array::from_fn(|column| number(row, column) as f32))
}

#[cfg(target_arch = "x86_64")]
#[test]
fn rows_become_columns() {
    let eight = Rows(square::<8>(|row, column| 8 * row + column));
    let columns = square(|row, column| 8 * column + row);
    let v3 = pulp::x86::V3::try_new().map(|v3| Simd::vectorize(v3, &eight));
    assert!(
        v3.is_none_or(|found| found == Some(columns)),
        "AVX2: {v3:?}"
    );
    let sixteen = Rows(square::<16>(|row, column| 16 * row + column));
    let columns = square(|row, column| 16 * column + row);
    let v4 = pulp::x86::V4::try_new().map(|v4| Simd::vectorize(v4, &sixteen));
    assert!(
        v4.is_none_or(|found| found == Some(columns)),
        "AVX-512: {v4:?}"
    );
}

#[test]
fn every_kind_of_vectors_has_the_same_numbers() {
    let piece = Piece {
        bytes: [
            0, 1, -1, 7, 8, 15, 16, 17, 127, -128, -127, 0x5a, -0x5a, 100, -100, 33,
        ],
        words: std::array::from_fn(|i| u16::MAX >> i),
        bits: 0b1011_0010_0111_0001,
    };
    let expected = piece.expected();
    assert_eq!(Scalar::new().vectorize(&piece), expected);
    #[cfg(target_arch = "x86_64")]
    {
        let v3 = pulp::x86::V3::try_new().map(|v3| Simd::vectorize(v3, &piece));
        assert!(v3.is_none_or(|found| found == expected), "AVX2: {v3:?}");
        let v4 = pulp::x86::V4::try_new().map(|v4| Simd::vectorize(v4, &piece));
        assert!(v4.is_none_or(|found| found == expected), "AVX-512: {v4:?}");
    }
    assert_eq!(pulp::Arch::new().dispatch(&piece), expected);
}
