"""Seconds that NLTK and rouge-chinese take for the pairs of `speed.rs`.

`python speed.py PAIRS.jsonl [N]`, with nltk 3.10.4, jieba 0.42.1 and rouge-chinese 1.0.3.
N pairs are timed (10,000 by default).
"""

import itertools
import json
import sys
import time

import jieba
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from rouge_chinese import Rouge

rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
count = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
pairs = [(row["reference"], row["hypothesis"]) for row in itertools.islice(itertools.cycle(rows), count)]
smooth = SmoothingFunction().method3


def bleu4(reference, hypothesis):
    return sentence_bleu([list(reference)], list(hypothesis), smoothing_function=smooth)


def rouge_l(reference, hypothesis):
    reference, hypothesis = (" ".join(jieba.cut(text)) for text in (reference, hypothesis))
    if not reference.strip() or not hypothesis.strip():
        return 0.0
    return Rouge().get_scores(hypothesis, reference)[0]["rouge-l"]["f"]


jieba.initialize()
for score in (bleu4, rouge_l):
    start = time.perf_counter()
    total = sum(score(*pair) for pair in pairs)
    print(f"{score.__name__}: {time.perf_counter() - start:.3f} s, mean {total / count:.9f}")
