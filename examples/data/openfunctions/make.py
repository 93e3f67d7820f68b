#!/usr/bin/env python3
"""Draws the example rows from the OpenFunctions sets of sail-sg/sdft (commit bfb6c255).

Usage: python make.py FOLDER_WITH_openfunction_train.json_AND_openfunction_test.json
Rows of at most 700 characters, drawn with a fixed seed, in the order of the source; ids are source rows.
"""
import json
import pathlib
import random
import sys

MOST, SEED = 700, 2402

for name, count in (("train", 64), ("test", 32)):
    rows = json.loads((pathlib.Path(sys.argv[1]) / f"openfunction_{name}.json").read_text())
    short = [i for i, row in enumerate(rows) if len(row["instruction"]) + len(row["output"]) <= MOST]
    chosen = sorted(random.Random(SEED).sample(short, count))
    out = [{"id": f"{name}-{i}", "instruction": rows[i]["instruction"], "output": rows[i]["output"]} for i in chosen]
    path = pathlib.Path(__file__).parent / f"{name}.json"
    path.write_text(json.dumps(out, indent=1, ensure_ascii=False) + "\n")
