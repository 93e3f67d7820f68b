//! What a teacher's logits make of a student's, token by token: a divergence over all of the vocabulary or a part of
//! it, or the estimate by the token that was sampled.
//!
//! Logits are divided by the temperature first, and there is no factor for it afterwards.
//! Over the `k` likeliest tokens of either side both distributions are made to sum to 1, or a last category has the
//! rest of each (the tail); which tokens these are carries no gradient.
//! The sampled token's loss is `c ln p(y)` with `c = ln p(y) - ln q(y)` held fixed: its gradient, not its value, is
//! that of one sample of the reverse divergence.
//! The importance weight of a token that an older student sampled is `min(exp(ln p(y) - ln p_old(y)), clip)`, its
//! exponent within 20 on either side; it carries no gradient.
//! These are the definitions of TRL 1.16 (`trl/experimental/sdft/loss_utils.py`).

use burn::tensor::{Bool, IndexingUpdateOp, Int, Tensor, TensorData, activation};

use super::divergence::{Distribution, Diverged, Divergence};

/// The smallest tail, as in TRL.
const LEAST_TAIL: f64 = 1e-7;
/// Bound of the importance weight's exponent, as in TRL.
const MOST_EXPONENT: f64 = 20.0;

/// Over which tokens of the vocabulary student and teacher are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// All.
    Full,
    /// The likeliest of the student.
    Student(Likeliest),
    /// The likeliest of the teacher.
    Teacher(Likeliest),
    /// The sampled token; only with [`Divergence::Reverse`], whose estimate it is.
    Sampled,
}

/// The likeliest tokens of a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Likeliest {
    /// How many, at least 1; above the vocabulary all.
    pub count: usize,
    /// Whether the rest of the distribution counts as one more category.
    pub tail: bool,
}

/// How a student is held against its teacher.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TeacherLoss {
    /// The direction.
    pub divergence: Divergence,
    /// The tokens of the vocabulary.
    pub support: Support,
    /// Divides the logits of both, above 0.
    pub temperature: f64,
    /// The largest importance weight, above 0; it acts where log-probabilities of an older student are given.
    pub clip: f64,
}

/// Logits of the same positions, and the tokens that were sampled there.
#[derive(Debug, Clone)]
pub struct TeacherRows<'a> {
    /// The student's, `[rows, vocab]`.
    pub student: Tensor<2>,
    /// The teacher's, `[rows, vocab]`.
    pub teacher: Tensor<2>,
    /// Sampled tokens, `rows` ids below `vocab`.
    pub targets: &'a [i64],
    /// Their log-probabilities under the student that sampled them, at the same temperature, `[rows, 1]`.
    pub old: Option<Tensor<2>>,
}

/// Losses of rows; the first five are `[rows, 1]`.
#[derive(Debug, Clone)]
pub struct TeacherRowLoss {
    /// The loss, with its importance weight.
    pub loss: Tensor<2>,
    /// The divergence, or its estimate by the sampled token, without a weight.
    pub divergence: Tensor<2>,
    /// Log-probability of the sampled token under the student.
    pub log_prob: Tensor<2>,
    /// Entropy of the student in nats.
    pub entropy: Tensor<2>,
    /// The importance weight.
    pub importance: Tensor<2>,
    /// Whether both find the same token likeliest, `[rows, 1]`, 1 or 0.
    pub agrees: Tensor<2>,
    /// Gradient of the loss by the student's undivided logits, `[rows, vocab]`.
    pub gradient: Tensor<2>,
}

/// A value by row, `[rows, 1]`, and its gradient by the divided logits, `[rows, vocab]`.
pub(super) struct Valued {
    pub(super) divergence: Tensor<2>,
    loss: Tensor<2>,
    pub(super) gradient: Tensor<2>,
}

/// Losses of rows of logits, in the type of the logits: f32, or f64 where it is that.
///
/// # Panics
///
/// If the shapes disagree.
#[must_use]
pub fn teacher_row_loss(rows: TeacherRows<'_>, settings: &TeacherLoss) -> TeacherRowLoss {
    let TeacherRows {
        student,
        teacher,
        targets,
        old,
    } = rows;
    let temperature = settings.temperature;
    let likeliest = |logits: &Tensor<2>| logits.clone().argmax(1);
    let agrees = likeliest(&student).equal(likeliest(&teacher));
    let dtype = student.dtype();
    let log = |logits: Tensor<2>| activation::log_softmax(logits.div_scalar(temperature), 1);
    let (own, log_q) = (Distribution::new(log(student)), log(teacher));
    let sampled = TensorData::new(targets.to_vec(), [targets.len(), 1]);
    let sampled: Tensor<2, Int> = Tensor::from_data(sampled, &own.log.device());
    let log_prob = own.log.clone().gather(1, sampled.clone());
    let found = match settings.support {
        Support::Full => valued(settings.divergence.of(&own, &log_q), &own),
        Support::Student(part) => {
            let ids = top(&own.log, part);
            over(&ids, part, (&own, &log_q), settings.divergence)
        }
        Support::Teacher(part) => {
            let ids = top(&log_q, part);
            over(&ids, part, (&own, &log_q), settings.divergence)
        }
        Support::Sampled => of_sampled(&sampled, &own, &log_q),
    };
    let importance = match old {
        None => log_prob.ones_like(),
        Some(old) => importance(log_prob.clone() - old, settings.clip),
    };
    TeacherRowLoss {
        loss: found.loss * importance.clone(),
        divergence: found.divergence,
        entropy: own.entropy(),
        log_prob,
        gradient: found.gradient * importance.clone().div_scalar(temperature),
        importance,
        agrees: agrees.float().cast(dtype),
    }
}

/// The weight of a token that an older student sampled.
fn importance(exponent: Tensor<2>, clip: f64) -> Tensor<2> {
    let weight = exponent.clamp(-MOST_EXPONENT, MOST_EXPONENT).exp();
    weight.clamp_max(clip)
}

fn valued(diverged: Diverged, student: &Distribution) -> Valued {
    Valued {
        divergence: diverged.value.clone(),
        loss: diverged.value.clone(),
        gradient: diverged.gradient(student),
    }
}

/// Ids of the likeliest, `[rows, count]`.
fn top(log: &Tensor<2>, part: Likeliest) -> Tensor<2, Int> {
    let count = part.count.clamp(1, log.dims()[1]);
    log.clone().topk_with_indices(count, 1).1
}

/// Over some tokens of each row.
fn over(
    ids: &Tensor<2, Int>,
    part: Likeliest,
    (student, log_q): (&Distribution, &Tensor<2>),
    divergence: Divergence,
) -> Valued {
    let all = ids.dims()[1] == log_q.dims()[1];
    if part.tail && !all {
        let (other, _) = categories(ids, &Distribution::new(log_q.clone()));
        return with_tail(ids, (student, &other), divergence);
    }
    let kept = log_q.clone().gather(1, ids.clone());
    renormalised(ids, (student, kept), divergence)
}

/// Over the tokens whose log-probabilities under a teacher are known, `[rows, count]`, the likeliest of each row, and a
/// last category for the rest, where there is one.
pub(super) fn over_known(
    ids: &Tensor<2, Int>,
    (student, known): (&Distribution, Tensor<2>),
    divergence: Divergence,
) -> Valued {
    if ids.dims()[1] == student.log.dims()[1] {
        return renormalised(ids, (student, known), divergence);
    }
    let rest = known.clone().exp().sum_dim(1).neg().add_scalar(1.0);
    let rest = rest.clamp_min(LEAST_TAIL).log();
    let other = Tensor::cat(vec![known, rest], 1);
    with_tail(ids, (student, &other), divergence)
}

/// With both distributions made to sum to 1 over the tokens.
fn renormalised(
    ids: &Tensor<2, Int>,
    (student, kept): (&Distribution, Tensor<2>),
    divergence: Divergence,
) -> Valued {
    let own = student.log.clone().gather(1, ids.clone());
    let [own, other] = [own, kept].map(|log| activation::log_softmax(log, 1));
    let own = Distribution::new(own);
    let found = valued(divergence.of(&own, &other), &own);
    Valued {
        gradient: spread(student.log.zeros_like(), ids, found.gradient),
        ..found
    }
}

/// With a last category for the rest of each row, the teacher's too.
fn with_tail(
    ids: &Tensor<2, Int>,
    (student, other): (&Distribution, &Tensor<2>),
    divergence: Divergence,
) -> Valued {
    let [rows, count] = ids.dims();
    let (own, is_least) = categories(ids, student);
    let own = Distribution::new(own);
    let mut found = divergence.of(&own, other);
    // A tail at its bound is a constant.
    let tail = count..count + 1;
    let of_tail = found.weighted.clone().slice([0..rows, tail.clone()]);
    let of_tail = of_tail.mask_fill(is_least, 0.0);
    found.weighted = found
        .weighted
        .slice_assign([0..rows, tail.clone()], of_tail);
    let found = valued(found, &own);
    let of_tail = found.gradient.clone().slice([0..rows, tail.clone()]);
    let of_kept = found.gradient.slice([0..rows, 0..count]);
    // Each token of the tail has its share of the tail's gradient.
    let shares = (student.log.clone() - own.log.slice([0..rows, tail])).exp();
    let rest = shares * of_tail;
    let kept_share = rest.clone().gather(1, ids.clone());
    Valued {
        divergence: found.divergence,
        loss: found.loss,
        gradient: spread(rest, ids, of_kept - kept_share),
    }
}

/// Log-probabilities of the kept tokens and of the rest, `[rows, count + 1]`, and whether the rest is at its bound.
fn categories(ids: &Tensor<2, Int>, of: &Distribution) -> (Tensor<2>, Tensor<2, Bool>) {
    let kept = of.log.clone().gather(1, ids.clone());
    let taken = of.probability.clone().gather(1, ids.clone()).neg();
    let rest = spread(of.probability.clone(), ids, taken).sum_dim(1);
    let is_least = rest.clone().lower_elem(LEAST_TAIL);
    let rest = rest.clamp_min(LEAST_TAIL).log();
    (Tensor::cat(vec![kept, rest], 1), is_least)
}

/// Adds values at some tokens of each row.
pub(super) fn spread(to: Tensor<2>, ids: &Tensor<2, Int>, values: Tensor<2>) -> Tensor<2> {
    to.scatter(1, ids.clone(), values, IndexingUpdateOp::Add)
}

/// One sample of the reverse divergence.
fn of_sampled(sampled: &Tensor<2, Int>, student: &Distribution, log_q: &Tensor<2>) -> Valued {
    let own = student.log.clone().gather(1, sampled.clone());
    let estimate = own.clone() - log_q.clone().gather(1, sampled.clone());
    let rest = student.probability.clone() * estimate.clone().neg();
    Valued {
        loss: estimate.clone() * own,
        gradient: spread(rest, sampled, estimate.clone()),
        divergence: estimate,
    }
}
