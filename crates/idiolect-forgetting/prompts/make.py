"""Makes questions.jsonl and texts.jsonl from the files of their projects.

    python3 make.py DATA      # DATA has arena_hard/, mtbench/ and corpus/ as their projects publish them

Questions: arena-hard-auto v0.1 (question.jsonl), MT-bench and Vicuna bench of FastChat (first turns), all Apache-2.0,
at most 600 characters long, each once, in one fixed random order, so that the first N are always the same.
Texts: articles of the United States' government (public domain, CC0 1.0 worldwide), their first 2,400 characters up to
the end of a sentence.
"""

import json
import pathlib
import random
import sys

LONGEST_QUESTION = 600
TEXTS, LONGEST_TEXT = 12, 2400


def rows(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def questions(data):
    sources = [
        ("arena_hard", data / "arena_hard/question_v0.1.jsonl", lambda row: row["prompt"], "uid"),
        ("mt_bench", data / "mtbench/mt_bench_question.jsonl", lambda row: row["turns"][0], "question_id"),
        ("vicuna_bench", data / "mtbench/vicuna_bench_question.jsonl", lambda row: row["turns"][0], "question_id"),
    ]
    seen, found = set(), []
    for source, path, text, name in sources:
        for row in rows(path):
            prompt = text(row).strip()
            if len(prompt) <= LONGEST_QUESTION and prompt not in seen:
                seen.add(prompt)
                found.append({"id": f"{source}/{row[name]}", "prompt": prompt})
    random.Random(42).shuffle(found)
    return found


def texts(data):
    found = rows(data / "corpus/usgov_articles_300.jsonl")
    random.Random(42).shuffle(found)
    kept = []
    for row in found:
        text = row["text"][:LONGEST_TEXT]
        end = text.rfind(". ")
        if end > LONGEST_TEXT // 2:
            kept.append({"id": row["id"], "source": row["source"], "text": text[: end + 1]})
    return kept[:TEXTS]


def write(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


here = pathlib.Path(__file__).parent
data = pathlib.Path(sys.argv[1])
write(here / "questions.jsonl", questions(data))
write(here / "texts.jsonl", texts(data))
