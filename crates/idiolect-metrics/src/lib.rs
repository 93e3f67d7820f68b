//! Text to scores: BLEU, ROUGE, math answers, function calls, code.
