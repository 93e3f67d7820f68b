//! Llama and Mistral decoders on Burn: checkpoints in and out, KV cache.
