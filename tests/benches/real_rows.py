#!/usr/bin/env python3
"""One epoch of LoRA with PEFT over rows of tokens: python real_rows.py MODEL ROWS.jsonl [--checkpoint]

Needs torch, transformers and peft. The side of real_rows.rs that is not ours: rank 8, alpha 16, queries and
values, f32, AdamW at 1e-4, norms clipped at 1; 8 rows a step in a random order, each batch padded on the right
to its longest row as DataCollatorForSeq2Seq does. One step more comes first, as a warm-up. Prints a JSON object.
"""
import argparse
import json
import os
import resource
import time

import peft
import torch
import transformers
from transformers import AutoModelForCausalLM

p = argparse.ArgumentParser()
p.add_argument("model"); p.add_argument("rows")
p.add_argument("--checkpoint", action="store_true")
p.add_argument("--threads", type=int, default=2); p.add_argument("--seed", type=int, default=42)
a = p.parse_args()
torch.set_num_threads(a.threads)
torch.manual_seed(a.seed)
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

model = AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32)
model = peft.get_peft_model(model, peft.LoraConfig(r=8, lora_alpha=16, lora_dropout=0.0, task_type="CAUSAL_LM",
                                                   target_modules=["q_proj", "v_proj"]))
if a.checkpoint:
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.enable_input_require_grads()
model.config.use_cache = False
model.train()
params = [q for q in model.parameters() if q.requires_grad]
optimizer = torch.optim.AdamW(params, lr=1e-4, weight_decay=0.0)

with open(a.rows) as f:
    rows = [json.loads(line) for line in f]
order = torch.randperm(len(rows)).tolist()
batches = [[rows[i] for i in order[at:at + 8]] for at in range(0, len(rows), 8)]


def pad(batch, name, value):
    width = max(len(row["input_ids"]) for row in batch)
    return torch.tensor([row[name] + [value] * (width - len(row[name])) for row in batch])


def step(batch):
    ids = pad(batch, "input_ids", 0)
    mask = pad([{**row, "mask": [1] * len(row["input_ids"])} for row in batch], "mask", 0)
    labels = pad(batch, "labels", -100)
    loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(params, 1.0)
    optimizer.step(); optimizer.zero_grad()
    trained = int((labels[:, 1:] != -100).sum())
    return loss.item() * trained, trained, int(mask.sum()), mask.numel()


start = [q.detach().clone() for q in params]
step(batches[0][:1])
with torch.no_grad():
    for q, was in zip(params, start):
        q.copy_(was)
optimizer = torch.optim.AdamW(params, lr=1e-4, weight_decay=0.0)
began = time.perf_counter()
nats, trained, tokens, padded = (sum(column) for column in zip(*map(step, batches)))
seconds = time.perf_counter() - began
print(json.dumps({
    "steps": len(batches), "rows_s": len(rows) / seconds, "trained_s": trained / seconds, "tokens_s": tokens / seconds,
    "padding": 1 - tokens / padded, "loss": nats / trained, "load_average": os.getloadavg()[0],
    "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
