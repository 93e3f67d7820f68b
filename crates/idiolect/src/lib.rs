//! Fine-tune Llama and Mistral models in their own words: the crates of Idiolect in one.
