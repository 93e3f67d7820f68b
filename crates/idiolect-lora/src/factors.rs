//! What one site holds and computes: two thin factors, `y = x W + s (x A) B` (Hu et al., arXiv 2106.09685,
//! equation 3), and with `DoRA` a magnitude for each output (Liu et al., arXiv 2402.09353, equation 5):
//! `y = m / |W + s A B| * (x W + s (x A) B)`, where the norm is that of a column and counts as a constant
//! in the gradient (section 4.3 there, and PEFT).
//!
//! Neither `A B` nor a gradient of the shape of `W` is ever made while training: the norms come from
//! `|W_j|^2 + 2 s (W^T A B)_jj + s^2 (B^T A^T A B)_jj`, products with one thin side.

use burn::module::{Module, Param};
use burn::tensor::{DType, Device, Tensor, TensorData, module::linear};
use idiolect_kernels::{Dropout, dequantize, dropped, low_rank};

/// The factors of one site, in f32.
#[derive(Module, Debug)]
pub struct Factors {
    /// `[in, rank]`
    pub a: Param<Tensor<2>>,
    /// `[rank, out]`
    pub b: Param<Tensor<2>>,
    /// The length of each column of the adapted weight, `[out]`; only with `DoRA`.
    pub magnitude: Option<Param<Tensor<1>>>,
    /// What the second factor adds to each output, `[out]`, before the scale; only with `lora_bias`.
    pub bias: Option<Param<Tensor<1>>>,
    /// The factor `s` of the update.
    #[module(skip)]
    pub scale: f64,
    /// What is frozen beside the factors.
    #[module(skip)]
    pub(crate) frozen: Frozen,
}

/// Constants of a site. Tensors are handles: a weight is not held twice.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frozen {
    /// The weight `[in, out]` and the squares of its columns' lengths `[1, out]`; only with `DoRA`.
    pub(crate) weight: Option<(Tensor<2>, Tensor<2>)>,
    /// Lengths of the adapted weight's columns, `[1, out]`, of factors that no longer move.
    pub(crate) norm: Option<Tensor<2>>,
    /// The factors that training started from where the start is not to count (`PiSSA`).
    pub(crate) origin: Option<[Tensor<2>; 2]>,
}

/// Host values of two factors, row-major `[in, rank]` and `[rank, out]`.
pub(crate) struct Values {
    pub(crate) a: Vec<f32>,
    pub(crate) b: Vec<f32>,
    pub(crate) input: usize,
    pub(crate) rank: usize,
    pub(crate) output: usize,
}

impl Values {
    pub(crate) fn tensors(self, device: &Device) -> [Tensor<2>; 2] {
        let tensor = |values, shape: [usize; 2]| {
            Tensor::from_data(TensorData::new(values, shape), (device, DType::F32))
        };
        [
            tensor(self.a, [self.input, self.rank]),
            tensor(self.b, [self.rank, self.output]),
        ]
    }
}

impl Factors {
    /// Plain factors without a magnitude.
    ///
    /// # Shapes
    ///
    /// - `a`: `[in, rank]`
    /// - `b`: `[rank, out]`
    #[must_use]
    pub fn new(a: Tensor<2>, b: Tensor<2>, scale: f64) -> Self {
        Self {
            a: Param::from_tensor(a),
            b: Param::from_tensor(b),
            magnitude: None,
            bias: None,
            scale,
            frozen: Frozen::default(),
        }
    }

    /// Gives the site a magnitude: `values`, or the lengths of the columns as they are.
    ///
    /// # Shapes
    ///
    /// - `weight`: `[in, out]`, off the tape
    /// - `values`: `out` lengths
    pub(crate) fn with_magnitude(mut self, weight: Tensor<2>, values: Option<Vec<f32>>) -> Self {
        let squares = as_f32(weight.clone()).square().sum_dim(0);
        let output = squares.dims()[1];
        self.frozen.weight = Some((weight, squares));
        let device = self.a.val().device();
        let values = values.or_else(|| Some(self.norm()?.into_data().iter::<f32>().collect()));
        self.magnitude = values.map(|values| {
            let data = TensorData::new(values, [output]);
            Param::from_tensor(Tensor::from_data(data, (&device, DType::F32)))
        });
        self
    }

    /// Gives the second factor a bias.
    ///
    /// # Shapes
    ///
    /// - `values`: `out` numbers
    pub(crate) fn with_bias(mut self, values: Vec<f32>, device: &Device) -> Self {
        let shape = [values.len()];
        let data = TensorData::new(values, shape);
        let bias = Tensor::from_data(data, (device, DType::F32));
        self.bias = Some(Param::from_tensor(bias));
        self
    }

    /// The same factors, never to move again, with everything computed that depends on them alone.
    pub(crate) fn frozen(mut self) -> Self {
        self.frozen.norm = self.norm();
        self.a = self.a.set_require_grad(false);
        self.b = self.b.set_require_grad(false);
        self.magnitude = self.magnitude.map(|m| m.set_require_grad(false));
        self.bias = self.bias.map(|bias| bias.set_require_grad(false));
        self
    }

    /// Width of the bottleneck.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.a.val().dims()[1]
    }

    /// What the site puts in the place of the base output.
    ///
    /// # Shapes
    ///
    /// - `x`: `[rows, tokens, in]`, of which `dropout` leaves out some
    /// - `base`, and the result: `[rows, tokens, out]`
    pub(crate) fn output(
        &self,
        x: &Tensor<3>,
        base: Tensor<3>,
        dropout: Option<&Dropout>,
    ) -> Tensor<3> {
        let dtype = x.dtype();
        let update = self.update(x, dropout);
        let Some(ratio) = self.ratio() else {
            return base + as_type(update, dtype);
        };
        let ratio = ratio.unsqueeze::<3>();
        let turned = match (dropout, &self.frozen.weight) {
            // As in PEFT, the part of the base output that the magnitude adds sees the dropped input.
            (Some(dropout), Some((weight, _))) => {
                let seen = as_f32(linear(
                    as_type(dropped(x.clone(), dropout), dtype),
                    as_type(weight.clone(), dtype),
                    None,
                ));
                as_f32(base) + seen * (ratio.clone() - 1.0) + update * ratio
            }
            _ => (as_f32(base) + update) * ratio,
        };
        as_type(turned, dtype)
    }

    /// `s ((x A) B + bias)`, less what the start would give where that is not to count.
    fn update(&self, x: &Tensor<3>, dropout: Option<&Dropout>) -> Tensor<3> {
        let mut update = low_rank(x.clone(), self.a.val(), self.b.val(), dropout);
        if let Some([a, b]) = &self.frozen.origin {
            update = update - low_rank(x.clone(), a.clone(), b.clone(), dropout);
        }
        if let Some(bias) = &self.bias {
            update = update + bias.val().unsqueeze();
        }
        update.mul_scalar(self.scale)
    }

    /// Magnitude over length of each column, `[1, out]`; none without a magnitude.
    fn ratio(&self) -> Option<Tensor<2>> {
        let magnitude = self.magnitude.as_ref()?.val();
        let cached = self.frozen.norm.clone();
        // A length that was kept is that of frozen factors, which are never on a tape.
        let norm = cached.filter(|_| !magnitude.is_autodiff());
        let norm = norm.or_else(|| self.norm())?;
        Some(magnitude.unsqueeze_dim::<2>(0) / norm)
    }

    /// Lengths of the adapted weight's columns, `[1, out]`, off the tape.
    fn norm(&self) -> Option<Tensor<2>> {
        let (weight, squares) = self.frozen.weight.as_ref()?;
        let [a, b] = [&self.a, &self.b].map(|factor| factor.val().inner());
        let cross = a.clone().transpose().matmul(as_f32(weight.clone()));
        let cross = (cross * b.clone()).sum_dim(0);
        let gram = a.clone().transpose().matmul(a);
        let square = (gram.matmul(b.clone()) * b).sum_dim(0);
        let scale = self.scale;
        Some((squares.clone() + cross * (2.0 * scale) + square * (scale * scale)).sqrt())
    }

    /// Both factors off the tape, so that `s A B` is the update: beside them those of the start, negated,
    /// where the start is not to count.
    pub(crate) fn joined(&self) -> [Tensor<2>; 2] {
        let [a, b] = [&self.a, &self.b].map(|factor| factor.val().inner());
        match &self.frozen.origin {
            None => [a, b],
            Some([a0, b0]) => [
                Tensor::cat(vec![a, a0.clone()], 1),
                Tensor::cat(vec![b, b0.clone().neg()], 0),
            ],
        }
    }

    /// What is to be added to the weight, dense: `[in, out]` in f32, off the tape.
    pub(crate) fn dense(&self) -> Tensor<2> {
        let [a, b] = self.joined();
        let update = a.matmul(b).mul_scalar(self.scale);
        match (self.ratio(), &self.frozen.weight) {
            (Some(ratio), Some((weight, _))) => {
                let ratio = ratio.inner();
                as_f32(weight.clone()) * (ratio.clone() - 1.0) + update * ratio
            }
            _ => update,
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "adapters are kept in f32")]
pub(crate) fn narrow(value: f64) -> f32 {
    value as f32
}

pub(crate) fn as_f32<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    as_type(tensor, DType::F32)
}

fn as_type<const D: usize>(tensor: Tensor<D>, dtype: DType) -> Tensor<D> {
    let tensor = dequantize(tensor);
    if tensor.dtype() == dtype {
        tensor
    } else {
        tensor.cast(dtype)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::Init;
    use crate::init::of_weight;
    use crate::places::Size;

    fn numbers(value: &Value) -> Vec<f32> {
        let number = |x: &Value| narrow(x.as_f64().unwrap());
        value.as_array().unwrap().iter().map(number).collect()
    }

    fn golden() -> Value {
        serde_json::from_str(include_str!("../tests/golden/factors.json")).unwrap()
    }

    /// The sizes of the golden cases: in, out, rank.
    fn sizes(golden: &Value) -> [usize; 3] {
        let size = |name: &str| usize::try_from(golden[name].as_u64().unwrap()).unwrap();
        ["input", "output", "rank"].map(size)
    }

    fn tensor<const D: usize>(values: &Value, shape: [usize; D], device: &Device) -> Tensor<D> {
        Tensor::from_data(TensorData::new(numbers(values), shape), device)
    }

    fn dropout(case: &Value) -> Dropout {
        let keys = |list: &Value| serde_json::from_value(list.clone()).unwrap();
        Dropout {
            share: case["share"].as_f64().unwrap(),
            tokens: keys(&case["keys"][0]),
            channels: keys(&case["keys"][1]),
        }
    }

    fn near<const D: usize>(what: &str, found: Tensor<D>, expected: &Value) {
        let found: Vec<f32> = found.into_data().iter::<f32>().collect();
        let expected = numbers(expected);
        assert_eq!(found.len(), expected.len(), "{what}");
        let size = expected.iter().fold(0f32, |size, x| size.max(x.abs()));
        let off = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        let off = off.fold(0.0, f32::max) / size.max(1.0);
        let tolerance = narrow(golden()["tolerance"].as_f64().unwrap());
        assert!(off <= tolerance, "{what}: off by {off:e}");
    }

    #[test]
    fn outputs_and_gradients_are_those_of_peft_under_the_same_dropout() {
        let golden = golden();
        let [input, output, rank] = sizes(&golden);
        let (plain, taped) = (Device::flex(), Device::flex().autodiff());
        for case in golden["cases"].as_array().unwrap() {
            let [dora, share, bias] = ["dora", "share", "bias"].map(|of| &case[of]);
            let name = format!("dora {dora} share {share} bias {bias}");
            let part = |name: &str, shape| tensor::<2>(&case["parts"][name], shape, &taped);
            let weight = tensor::<2>(&case["weight"], [input, output], &plain);
            let scale = case["scale"].as_f64().unwrap();
            let mut factors =
                Factors::new(part("a", [input, rank]), part("b", [rank, output]), scale);
            if case["dora"] == true {
                let lengths = numbers(&case["parts"]["magnitude"]);
                factors = factors.with_magnitude(weight.clone(), Some(lengths));
            }
            if case["bias"] == true {
                factors = factors.with_bias(numbers(&case["parts"]["bias"]), &taped);
            }
            let x = tensor::<3>(&case["x"], [2, 3, input], &taped).require_grad();
            let dropout = dropout(case);
            let base = linear(x.clone(), weight, None);
            let y = factors.output(&x, base, Some(&dropout).filter(|_| dropout.share > 0.0));
            near(&format!("{name} y"), y.clone().inner(), &case["y"]);
            let tape = (y * tensor::<3>(&case["seed"], [2, 3, output], &plain))
                .sum()
                .backward();
            let gradients = &case["gradients"];
            near(
                &format!("{name} x"),
                x.grad(&tape).unwrap(),
                &case["x_gradient"],
            );
            near(
                &format!("{name} a"),
                factors.a.val().grad(&tape).unwrap(),
                &gradients["a"],
            );
            near(
                &format!("{name} b"),
                factors.b.val().grad(&tape).unwrap(),
                &gradients["b"],
            );
            for (part, vector) in [("magnitude", &factors.magnitude), ("bias", &factors.bias)] {
                let there = vector.is_some();
                assert_eq!(there, gradients.get(part).is_some(), "{name} {part}");
                let Some(vector) = vector else { continue };
                let gradient = vector.val().grad(&tape).unwrap();
                near(&format!("{name} {part}"), gradient, &gradients[part]);
            }
        }
    }

    #[test]
    fn pissa_starts_from_the_principal_part_and_counts_what_moved() {
        starts_from_the_weight(Init::Pissa, "pissa");
    }

    #[test]
    fn olora_starts_from_the_first_rows_and_counts_what_moved() {
        starts_from_the_weight(Init::Olora, "olora");
    }

    fn starts_from_the_weight(init: Init, name: &str) {
        let golden = golden();
        let [input, output, rank] = sizes(&golden);
        let (case, device) = (&golden[name], Device::flex());
        let weight = tensor::<2>(&case["weight"], [input, output], &device);
        let scale = 2.0;
        let start = of_weight(init, &weight, Size { rank, scale }, &name).unwrap();
        let origin = start.tensors(&device);
        let [a, b] = origin.clone();
        near("principal part", a.matmul(b) * scale, &case["principal"]);
        let part = |name: &str, shape| tensor::<2>(&case[name], shape, &device);
        let mut moved = Factors::new(part("a", [input, rank]), part("b", [rank, output]), scale);
        moved.frozen.origin = Some(origin);
        let x = tensor::<3>(&case["x"], [2, 3, input], &device);
        let base = linear(x.clone(), weight, None);
        near("y at the start", base.clone(), &case["y_start"]);
        near("y", moved.output(&x, base.clone(), None), &case["y"]);
        let dense = linear(x, moved.dense(), None);
        near("y of the dense change", base + dense, &case["y"]);
    }
}
