#!/bin/bash
# Google's rouge-score scores identical texts 0 where their letters are not a to z, and different texts 1.
#
# Its default tokenizer lowers a text and puts a space in the place of everything but a-z and 0-9. A text in Greek,
# Russian or Hindi has no tokens left, and its ROUGE-1, ROUGE-2 and ROUGE-L with itself are 0. Words of Latin letters
# are cut at each letter with a mark: two German words that differ in such a letter alone have the same tokens, and
# score 1. A tokenizer of one's own (the argument `tokenizer` of RougeScorer) gives what is expected of both.
#
# Needs python3 with venv and a package index. Prints what was seen, and fails when that changes.
set -euo pipefail
place=$(mktemp -d); trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q rouge-score==0.1.2 absl-py==2.1.0 nltk==3.9.1 numpy==1.26.4 six==1.16.0
cat > "$place/look.py" <<'PY'
import sys
from importlib.metadata import version

from rouge_score import rouge_scorer

print("rouge-score", version("rouge-score"))
kinds = ["rouge1", "rouge2", "rougeL"]


class Words:
    """Words as spaces part them."""

    def tokenize(self, text):
        return text.lower().split()


pairs = {
    "English, with itself": ("the sea is calm", "the sea is calm"),
    "Greek, with itself": ("η θάλασσα είναι ήρεμη", "η θάλασσα είναι ήρεμη"),
    "Russian, with itself": ("море сегодня спокойно", "море сегодня спокойно"),
    "Hindi, with itself": ("समुद्र शांत है", "समुद्र शांत है"),
    "German, one word and another": ("Mütter", "Mätter"),
}
seen = {}
for name, (one, other) in pairs.items():
    of = lambda scorer: [scorer.score(one, other)[kind].fmeasure for kind in kinds]
    seen[name] = of(rouge_scorer.RougeScorer(kinds)), of(rouge_scorer.RougeScorer(kinds, tokenizer=Words()))
    print(f"{name}: {seen[name][0]} by default, {seen[name][1]} by words")

expected = {
    "English, with itself": ([1, 1, 1], [1, 1, 1]),
    "Greek, with itself": ([0, 0, 0], [1, 1, 1]),
    "Russian, with itself": ([0, 0, 0], [1, 1, 1]),
    "Hindi, with itself": ([0, 0, 0], [1, 1, 1]),
    "German, one word and another": ([1, 1, 1], [0, 0, 0]),
}
if seen != expected:
    sys.exit(f"changed: expected {expected}, found {seen}")
PY
"$place/venv/bin/python" "$place/look.py"
