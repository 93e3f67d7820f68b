#!/usr/bin/env python3
"""Greedy text of SmolLM2 by transformers: python greedy.py MODEL   (writes greedy.json beside itself)

Needs torch and transformers. MODEL is the bf16 folder, read as f32; the prompts are the first 20 held-out rows of
examples/data/openfunctions as chats. 128 tokens each, past the end of turn, one prompt at a time.
`sure` counts the tokens before the first whose likeliest two logits are closer than 1e-3: behind it the order of
additions decides.
"""
import json
import os
import sys

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS, NEW, CLOSE = 20, 128, 1e-3
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
rows = json.load(open(os.path.join(HERE, "../../examples/data/openfunctions/test.json")))[:ROWS]
found = []
for row in rows:
    turns = [{"role": "user", "content": row["instruction"] + ("\n" + row["input"] if row.get("input") else "")}]
    ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    new, sure, step, cache = [], None, torch.tensor([ids]), None
    with torch.no_grad():
        for at in range(NEW):
            out = model(input_ids=step, past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            best = out.logits[0, -1].topk(2)
            if sure is None and float(best.values[0] - best.values[1]) < CLOSE:
                sure = at
            new.append(int(best.indices[0]))
            step = torch.tensor([new[-1:]])
    found.append({"id": row["id"], "prompt": ids, "new": new, "sure": NEW if sure is None else sure})
with open(os.path.join(HERE, "greedy.json"), "w") as out:
    head = {"generator": "tests/golden/greedy.py", "transformers": transformers.__version__, "torch": torch.__version__}
    json.dump({**head, "rows": found}, out, separators=(",", ":"))
    out.write("\n")
