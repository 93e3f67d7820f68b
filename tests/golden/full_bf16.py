"""Full fine-tuning of tiny checkpoints in bf16 with an optimiser in f32, by PyTorch: losses and gradient norms.

Usage: python full_bf16.py FOLDER_OF_TINY_CHECKPOINTS > full_bf16.json
Needs torch, transformers and safetensors; on the CPU. Weights are in bf16, each with a master in f32. Two micro-batches
of two rows make a step; their gradients are added up in f32. AdamW moves the masters, and a weight is its master rounded.
`alone` is the same without masters, gradients and moments in f32: what they are good for. `f32` is the same in f32
throughout: its distance from bf16 says how far rounding alone moves a step. `ends` are the norms of the masters.
"""
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

STEPS, RATE, DECAY, CLIP, MICRO = 20, 1e-3, 0.01, 1.0, 2
torch.set_num_threads(1)


def train(folder, dtype, masters):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager")
    tensors = load_file(folder / "oracle.safetensors")
    ids, labels, mask = (tensors[f"right_{name}"] for name in ["input_ids", "labels", "attention_mask"])
    tokens = (labels[:, 1:] != -100).sum()
    weights = dict(model.named_parameters())
    moved = {name: weight.detach().float().clone() if masters else weight for name, weight in weights.items()}
    optimizer = torch.optim.AdamW([value.requires_grad_() for value in moved.values()], lr=RATE, weight_decay=DECAY)
    steps = []
    for _ in range(STEPS):
        total, sums = 0.0, {}
        for start in range(0, len(ids), MICRO):
            part = slice(start, start + MICRO)
            logits = model(input_ids=ids[part], attention_mask=mask[part]).logits[:, :-1].float()
            loss = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), labels[part, 1:].flatten(), ignore_index=-100, reduction="sum"
            ) / tokens
            model.zero_grad()
            loss.backward()
            total += loss.item()
            for name, weight in weights.items():
                own = weight.grad.to(moved[name].dtype)
                sums[name] = own.clone() if name not in sums else sums[name] + own
        for name, value in moved.items():
            value.grad = sums[name]
        norm = torch.nn.utils.clip_grad_norm_(moved.values(), CLIP)
        optimizer.step()
        if masters:
            with torch.no_grad():
                for name, weight in weights.items():
                    weight.copy_(moved[name])
        steps.append({"loss": total, "grad_norm": norm.item()})
    return steps, {name: value.detach().double().norm().item() for name, value in moved.items()}


def cases(folder):
    steps, ends = train(folder, torch.bfloat16, True)
    alone, _ = train(folder, torch.bfloat16, False)
    f32, _ = train(folder, torch.float32, False)
    return {"steps": steps, "alone": alone, "f32": f32, "ends": ends}


places = Path(sys.argv[1])
out = {name: cases(places / name) for name in ["tiny-llama3", "tiny-llama-tied", "tiny-mistral"]}
print(json.dumps(out, indent=1))
