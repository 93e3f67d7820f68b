//! The templates of one published setting.

use crate::{DistillTemplate, NamedTemplate};

/// The templates of one published setting.
///
/// Dropout and sampling are no part of it: they belong to those who train and generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preset {
    /// Its name.
    pub name: String,
    /// For training and for answering.
    pub templates: Vec<NamedTemplate>,
    /// For rewriting.
    pub distill: Vec<DistillTemplate>,
}
