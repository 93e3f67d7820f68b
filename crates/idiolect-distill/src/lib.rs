//! Self-distillation over any text-to-text function, with verdicts and provenance.
