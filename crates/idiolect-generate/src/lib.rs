//! Token ids to token ids: samplers, stops, batches and budgets over anything that gives next-token logits.
