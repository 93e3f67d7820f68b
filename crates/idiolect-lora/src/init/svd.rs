//! Singular value decomposition by one-sided Jacobi rotations (Hestenes, J. SIAM 6, 1958; Golub and
//! Van Loan, Matrix Computations, section 8.6.3), in f64 on the host.
//!
//! Exact to rounding, and a third power of the smaller side: seconds for a side of some hundreds, not meant
//! for sides of many thousands.

/// Rotations stop once every pair of columns is orthogonal to this cosine.
const ORTHOGONAL: f64 = 1e-14;
/// Sweeps over all pairs; convergence is quadratic and takes about ten.
const SWEEPS: usize = 60;

/// `W = sum_k left[k] values[k] right[k]^T`, largest values first.
pub(crate) struct Decomposed {
    pub(crate) left: Vec<Vec<f64>>,
    pub(crate) values: Vec<f64>,
    pub(crate) right: Vec<Vec<f64>>,
}

/// Decomposes a row-major matrix; there are as many values as its smaller side is long.
pub(crate) fn decompose(matrix: &[f64], [rows, columns]: [usize; 2]) -> Decomposed {
    let row = |i: usize| matrix[i * columns..(i + 1) * columns].to_vec();
    let column = |j: usize| (0..rows).map(|i| matrix[i * columns + j]).collect();
    let wide = rows < columns;
    let vectors: Vec<Vec<f64>> = if wide {
        (0..rows).map(row).collect()
    } else {
        (0..columns).map(column).collect()
    };
    let (long, values, short) = orthogonalize(vectors);
    let (left, right) = if wide { (short, long) } else { (long, short) };
    Decomposed {
        left,
        values,
        right,
    }
}

/// Turns vectors until they are orthogonal: unit vectors, their lengths, and the turn's own columns.
fn orthogonalize(given: Vec<Vec<f64>>) -> (Vec<Vec<f64>>, Vec<f64>, Vec<Vec<f64>>) {
    let (count, mut vectors) = (given.len(), given.clone());
    for _ in 0..SWEEPS {
        let mut turned = false;
        let mut squares: Vec<f64> = vectors.iter().map(|v| dot(v, v)).collect();
        for j in 1..count {
            for i in 0..j {
                let (xx, yy, xy) = (squares[i], squares[j], dot(&vectors[i], &vectors[j]));
                if let Some((cosine, sine)) = angle(xx, yy, xy) {
                    rotate(&mut vectors, (i, j), (cosine, sine));
                    // The rotation moves length from one to the other.
                    squares[i] = xx - sine / cosine * xy;
                    squares[j] = yy + sine / cosine * xy;
                    turned = true;
                }
            }
        }
        if !turned {
            break;
        }
    }
    let lengths: Vec<f64> = vectors.iter().map(|v| dot(v, v).sqrt()).collect();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| lengths[*b].total_cmp(&lengths[*a]));
    let values: Vec<f64> = order.iter().map(|k| lengths[*k]).collect();
    let over = |vector: &[f64], length: f64| -> Vec<f64> {
        let length = length.max(f64::MIN_POSITIVE);
        vector.iter().map(|x| x / length).collect()
    };
    let units = order.iter().map(|k| over(&vectors[*k], lengths[*k]));
    let units: Vec<Vec<f64>> = units.collect();
    // What turned the vectors is what they were, seen along what they became.
    let along = |unit: &Vec<f64>| -> Vec<f64> { given.iter().map(|v| dot(v, unit)).collect() };
    let turn = units.iter().zip(&values);
    let turn = turn
        .map(|(unit, length)| over(&along(unit), *length))
        .collect();
    (units, values, turn)
}

/// Cosine and sine that make two vectors orthogonal, by their products; none where they are.
fn angle(xx: f64, yy: f64, xy: f64) -> Option<(f64, f64)> {
    if xy.abs() <= ORTHOGONAL * (xx * yy).max(0.0).sqrt() {
        return None;
    }
    let zeta = (yy - xx) / (2.0 * xy);
    let tangent = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
    let cosine = tangent.hypot(1.0).recip();
    Some((cosine, cosine * tangent))
}

fn rotate(vectors: &mut [Vec<f64>], (i, j): (usize, usize), (cosine, sine): (f64, f64)) {
    let (head, tail) = vectors.split_at_mut(j);
    for (x, y) in head[i].iter_mut().zip(tail[0].iter_mut()) {
        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
    }
}

/// Four sums side by side, which the compiler can keep in one register.
pub(crate) fn dot(x: &[f64], y: &[f64]) -> f64 {
    let (heads, tail) = x.as_chunks::<4>();
    let (others, rest) = y.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (a, b) in heads.iter().zip(others) {
        for lane in 0..4 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = tail.iter().zip(rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn parts_make_up_the_matrix_and_are_orthonormal() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for [rows, columns] in [[7, 5], [5, 9], [6, 6], [1, 4]] {
            let mut matrix: Vec<f64> = (0..rows * columns)
                .map(|_| random.random_range(-1.0..1.0))
                .collect();
            // A column that is zero, and one that repeats another.
            if columns == 5 {
                for row in matrix.chunks_mut(columns) {
                    row[1] = 0.0;
                    row[2] = row[3];
                }
            }
            let Decomposed {
                left,
                values,
                right,
            } = decompose(&matrix, [rows, columns]);
            assert!(values.is_sorted_by(|a, b| a >= b));
            for i in 0..rows {
                for j in 0..columns {
                    let part = |k: usize| left[k][i] * values[k] * right[k][j];
                    let sum: f64 = (0..values.len()).map(part).sum();
                    assert!((sum - matrix[i * columns + j]).abs() < 1e-13);
                }
            }
            for k in 0..values.len() {
                for l in 0..k {
                    let both = values[k].min(values[l]) > 1e-12;
                    assert!(!both || dot(&left[k], &left[l]).abs() < 1e-12);
                    assert!(!both || dot(&right[k], &right[l]).abs() < 1e-12);
                }
            }
        }
    }
}
