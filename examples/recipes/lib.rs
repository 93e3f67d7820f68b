//! Small whole programs, to be read in the order of their numbers; each runs by
//! `cargo run --release -p idiolect-recipes --example NAME`.
//!
//! The first three are those of the README; the others go one level down: a loss, a writer with a check, an adapter
//! kind of one's own, and on-policy self-distillation.

/// The guides, whose code is compiled as tests of this package.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../../docs/guides/add-a-chat-template.md")]
    mod chat_template {}
    #[doc = include_str!("../../docs/guides/add-a-check.md")]
    mod check {}
    #[doc = include_str!("../../docs/guides/add-a-data-format.md")]
    mod data_format {}
    #[doc = include_str!("../../docs/guides/add-an-adapter-kind.md")]
    mod adapter_kind {}
    #[doc = include_str!("../../docs/guides/continue-text.md")]
    mod continue_text {}
    #[doc = include_str!("../../docs/guides/distil.md")]
    mod distil {}
    #[doc = include_str!("../../docs/guides/embed-in-your-program.md")]
    mod embed {}
    #[doc = include_str!("../../docs/guides/evaluate.md")]
    mod evaluate {}
    #[doc = include_str!("../../docs/guides/fine-tune.md")]
    mod fine_tune {}
    #[doc = include_str!("../../docs/guides/on-policy.md")]
    mod on_policy {}
}
