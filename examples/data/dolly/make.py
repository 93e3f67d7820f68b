#!/usr/bin/env python3
"""Draws the example rows from the Dolly set of sail-sg/sdft (commit bfb6c255), which has 2,000 rows of databricks-dolly-15k.

Usage: python make.py FOLDER_WITH_dolly_train.json
Rows without context, of at most 550 characters and with a response of 40 or more, drawn with a fixed seed, in the order of the
source; ids are source rows.
"""
import json
import pathlib
import random
import sys

MOST, LEAST, SEED = 550, 40, 2402

rows = json.loads((pathlib.Path(sys.argv[1]) / "dolly_train.json").read_text())


def fits(row):
    return not row["input"].strip() and len(row["instruction"]) + len(row["output"]) <= MOST and len(row["output"]) >= LEAST


short = [i for i, row in enumerate(rows) if fits(row)]
drawn = random.Random(SEED).sample(short, 300)
for name, chosen in (("train", drawn[:240]), ("test", drawn[240:])):
    out = [{"id": f"dolly-{i}", "instruction": rows[i]["instruction"], "output": rows[i]["output"]} for i in sorted(chosen)]
    path = pathlib.Path(__file__).parent / f"{name}.json"
    path.write_text(json.dumps(out, indent=1, ensure_ascii=False) + "\n")
