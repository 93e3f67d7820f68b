"""Full fine-tuning of a tiny checkpoint by PyTorch: losses, gradient norms and where each tensor ends.

Usage: python full.py FOLDER_OF_TINY_CHECKPOINTS > full.json
Needs torch, transformers and safetensors; f32 on the CPU.
"""
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

STEPS, RATE, DECAY, CLIP = 6, 1e-3, 0.01, 1.0


def train(folder):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    tensors = load_file(folder / "oracle.safetensors")
    ids, labels = tensors["right_input_ids"], tensors["right_labels"]
    mask = tensors["right_attention_mask"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    steps = []
    for _ in range(STEPS):
        logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100
        )
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        steps.append({"loss": loss.item(), "grad_norm": norm.item()})
    ends = {name: value.detach().double().norm().item() for name, value in model.named_parameters()}
    return {"steps": steps, "norms": ends}


places = Path(sys.argv[1])
out = {name: train(places / name) for name in ["tiny-llama3", "tiny-llama-tied", "tiny-mistral"]}
print(json.dumps(out, indent=1))
