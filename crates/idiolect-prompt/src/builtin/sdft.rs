//! The templates of the self-distillation paper (arXiv 2402.13669), one preset for each branch of sail-sg/sdft.
//!
//! The two differ in the place of the beginning-of-text token, in what separates system text and question, and
//! in whether white space is cut off.

pub(crate) mod main;
pub(crate) mod reproduce;
mod texts;
