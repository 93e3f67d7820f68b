#!/usr/bin/env python3
"""A distillation's rows as the published scripts write them: one at a time, with transformers' generate.

Needs torch and transformers.
Usage: python distill_peer.py MODEL PROMPTS.json JOURNAL.jsonl SECONDS [--threads 2]
PROMPTS.json is what the bench `prompts` wrote; JOURNAL.jsonl and SECONDS are our run over the same rows. Greedy, f32,
with a cache; a row ends at a stop token, at a stop string, which is cut off with what follows, or at the limit.
SECONDS count the start and the loading of the model, the peer's time does not. Prints both and what they agree on.
"""
import argparse
import json
import os
import resource
import time

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

p = argparse.ArgumentParser()
p.add_argument("model"); p.add_argument("prompts"); p.add_argument("journal"); p.add_argument("seconds", type=float)
p.add_argument("--threads", type=int, default=2)
a = p.parse_args()
torch.set_num_threads(a.threads)
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
tokenizer = AutoTokenizer.from_pretrained(a.model)
model = AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32).eval()
with open(a.prompts) as f:
    asked = json.load(f)
with open(a.journal) as f:
    ours = {json.dumps(row["id"]): row for row in map(json.loads, f)}
assert len(ours) == len(asked["rows"]), (len(ours), len(asked["rows"]))
stops = asked["stop_strings"]


def text_of(ids):
    return tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


class StopString:
    """Ends a row once a stop string stands in its last tokens; cheaper than transformers' own."""

    def __init__(self, start):
        self.start = start

    def __call__(self, ids, scores, **_):
        tail = text_of(ids[0, max(self.start, ids.shape[1] - 16):])
        return torch.tensor([any(stop in tail for stop in stops)])


@torch.no_grad()
def write(prompt):
    ids = torch.tensor([prompt])
    ends = transformers.StoppingCriteriaList([StopString(len(prompt))] if stops else [])
    out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=asked["max_new_tokens"],
                         do_sample=False, temperature=None, top_p=None, top_k=None, eos_token_id=asked["stop_tokens"],
                         pad_token_id=asked["stop_tokens"][0], stopping_criteria=ends)[0, len(prompt):].tolist()
    if out and out[-1] in asked["stop_tokens"]:
        out.pop()
    text = text_of(out)
    cut = [at for at in (text.find(stop) for stop in stops) if at >= 0]
    return len(out), text[:min(cut)] if cut else text


write(asked["rows"][0]["prompt"][:64])                      # warm-up
began = time.perf_counter()
written = [write(row["prompt"]) for row in asked["rows"]]
seconds = time.perf_counter() - began
count = len(written)
same = sum(text == ours[json.dumps(row["id"])]["text"] for row, (_, text) in zip(asked["rows"], written))


def line(name, tokens, seconds):
    print(f"  {name}: {60 * count / seconds:.1f} rows a minute, {tokens / seconds:.1f} tokens a second, {seconds:.1f} s")


line("ours", sum(row["token_count"] for row in ours.values()), a.seconds)
line("transformers, batch 1", sum(tokens for tokens, _ in written), seconds)
print(f"  ratio {seconds / a.seconds:.2f}; {same}/{count} texts the same; transformers peaked at "
      f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB; load average {os.getloadavg()[0]:.1f}")
