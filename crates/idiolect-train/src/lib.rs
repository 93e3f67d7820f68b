//! Optimise adapters on token batches: AdamW, schedules, accumulation, checkpoints, guards.
