"""Writes judgements.json: scores that FastChat, Arena-Hard and AlpacaEval compute from the recorded judgements in it.

Needs nothing but Python.  Usage: python judgements.py > judgements.json
The judgements are made up by a seed; the arithmetic is that of
  lm-sys/FastChat 0.2.36, llm_judge/common.py (patterns) and show_result.py (means of what is not -1),
  lmarena/arena-hard-auto v0.1, gen_judgment.py (one label) and show_result_bt.py (battles, a maximum of likelihood),
  alpaca_eval 0.6.6, completion_parsers.py and metrics (preference 1, 1.5 or 2, less 1, their mean).
"""

import ast
import json
import math
import random
import re

draw = random.Random(7)


def fastchat_rating(text):
    for pattern in [r"\[\[(\d+\.?\d*)\]\]", r"\[(\d+\.?\d*)\]"]:
        match = re.search(pattern, text)
        if match:
            return ast.literal_eval(match.groups()[0])
    return -1


def mean(values):
    return sum(values) / len(values) if values else None


RATINGS = ["Fine. Rating: [[{}]]", "Rating: [{}]", "I say [[{}]], or [[1]]", "No number."]
KINDS = ["writing", "math", "stem"]


def mt_bench():
    rows = []
    for question in range(6):
        for run in range(2):
            for turn in (1, 2):
                text = draw.choice(RATINGS).format(draw.choice([1, 4, 6.5, 8, 10]))
                rows.append({"question": question, "kind": KINDS[question % 3], "run": run, "turn": turn, "text": text})
    scored = [(row, fastchat_rating(row["text"])) for row in rows]
    scored = [(row, score) for row, score in scored if score != -1]

    def of(**wanted):
        return mean([score for row, score in scored if all(row[name] == value for name, value in wanted.items())])

    return {
        "judgements": [row["text"] for row in rows],
        "score": of(),
        "turn_1": of(turn=1),
        "turn_2": of(turn=2),
        "runs": [of(run=0), of(run=1)],
        "kinds": {kind: of(kind=kind) for kind in KINDS},
        "unread": len(rows) - len(scored),
    }


LABELS = ["A>>B", "A>B", "A=B", "B>A", "B>>A"]


def arena_label(text):
    found = [label for label in re.findall(r"\[\[([AB<>=]+)\]\]", text) if label != ""]
    return found[0] if len(set(found)) == 1 else None


def arena_hard():
    texts, battles = [], []
    for _ in range(12):
        for game in range(2):
            label = draw.choice(LABELS)
            form = draw.choice(["My final verdict is [[{}]]", "[[{}]] ... [[{}]]", "[[{}]]"])
            text = draw.choice([form.format(label, label)] * 5 + ["[[A>B]] or [[B>A]]", "none"])
            texts.append(text)
            label = arena_label(text)
            if label is None:
                continue
            weight = 3 if ">>" in label else 1
            # The baseline is A in the first game and B in the second; a tie is half a win.
            first = {"A": 1.0, "B": 0.0}[label[0]] if "=" not in label else 0.5
            battles += [1 - first if game == 0 else first] * weight
    # Bradley and Terry: log-odds of the model's win over the baseline, by Newton's method.
    odds = 0.0
    for _ in range(50):
        p = 1 / (1 + math.exp(-odds))
        odds += (sum(battles) - len(battles) * p) / (len(battles) * p * (1 - p))
    unread = sum(arena_label(text) is None for text in texts)
    return {"judgements": texts, "win": 1 / (1 + math.exp(-odds)), "unread": unread}


def alpaca_rank(text):
    try:
        rank = [c for c in ast.literal_eval(text) if c["model"] == "model_1"][0]["rank"]
        assert rank in [1, 2]
        return rank
    except Exception:
        return None


def alpaca_eval():
    """Every third pair has equal outputs and is never asked; the others' judgements stand in both orders."""
    form = "[{{'model': 'model_1', 'rank': {}}}, {{'model': 'model_2', 'rank': {}}}]"
    texts, preferences, unread = [], [], 0
    for pair in range(12):
        if pair % 3 == 0:
            preferences.append(1.5)
            texts.append(None)
            continue
        # model_better: whether the judge ranks the measured model first, wherever it stands.
        better = draw.random() < 0.4
        broken = draw.random() < 0.2
        ranks = {"first": form.format(*((1, 2) if better else (2, 1))), "second": form.format(*((2, 1) if better else (1, 2)))}
        if broken:
            ranks = {place: text + " because" for place, text in ranks.items()}
        texts.append(ranks)
        # output_1 is the baseline: rank 1 of it is preference 1, of the model 2.
        rank = alpaca_rank(ranks["second"])
        if rank is None:
            unread += 1
        else:
            preferences.append(float(rank))
    return {"judgements": texts, "win": mean([p - 1 for p in preferences]), "unread": unread}


print(json.dumps({"mt_bench": mt_bench(), "arena_hard": arena_hard(), "alpaca_eval": alpaca_eval()}, indent=1))
