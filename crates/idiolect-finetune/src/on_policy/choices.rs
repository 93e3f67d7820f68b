//! What can be chosen by name: the teacher, the divergence, its support, and over what losses are averaged.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who says what should have been written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TeacherKind {
    /// The model without an adapter.
    #[default]
    Off,
    /// The student as it is, in the teacher's context.
    Live,
    /// A moving average of the student, which starts as the student does.
    Ema,
    /// The student as it was before the first round of several.
    Original,
}

/// Which way the divergence from the teacher is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DivergenceKind {
    /// `KL(teacher | student)`.
    #[default]
    ForwardKl,
    /// `KL(student | teacher)`.
    ReverseKl,
    /// The interpolated Jensen-Shannon divergence.
    Js,
}

/// Over which tokens of the vocabulary student and teacher are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SupportKind {
    /// All of them.
    #[default]
    Full,
    /// The likeliest of the student.
    StudentTopK,
    /// The likeliest of the teacher.
    TeacherTopK,
    /// The sampled token alone, an estimate of the reverse divergence.
    Sampled,
}

/// What has equal weight in the loss of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum AveragedOver {
    /// Each answer, however long; one without a trained token counts as 0 and still divides.
    #[default]
    Answers,
    /// Each token.
    Tokens,
}

/// When a teacher is told what is wrong with a judged answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Feedback {
    /// Not at all.
    #[default]
    Never,
    /// Where the group has no other success.
    WithoutSolution,
    /// Wherever something is said.
    Always,
}

impl TeacherKind {
    /// Its name in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Live => "live",
            Self::Ema => "ema",
            Self::Original => "original",
        }
    }
}

impl fmt::Display for TeacherKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for DivergenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ForwardKl => "forward-kl",
            Self::ReverseKl => "reverse-kl",
            Self::Js => "js",
        })
    }
}
