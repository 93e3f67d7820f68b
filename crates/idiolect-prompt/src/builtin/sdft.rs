//! The templates of the self-distillation paper (arXiv 2402.13669), one preset for each branch of sail-sg/sdft.
//!
//! The two differ in where the beginning-of-text token stands, in what separates system text and
//! question, and in cutting off white space.

pub(crate) mod main;
pub(crate) mod reproduce;
mod texts;
