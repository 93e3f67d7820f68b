"""LoRA beside a base in bf16, in 8 and in 4 bits, by PEFT: twenty steps on fixed batches, losses and gradient norms.

Usage: python base_types.py FOLDER_OF_TINY_CHECKPOINTS FOLDER_OF_PEFT_ORACLES > base_types.json
Needs torch, transformers, peft and safetensors; on the CPU, factors in f32. A base in 8 or 4 bits is in f32 and has the
values that quantising leaves: of 32 neighbouring outputs of an input (fewer where their number is not a multiple) the
largest is 127 or 7 scales, and halves are rounded away from 0. The steps in f32 are those of the oracle's trace.json.
"""
import json
import sys
import warnings
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, get_cosine_schedule_with_warmup

CASES = [("tiny-llama3", "qv"), ("tiny-llama3", "all"), ("tiny-mistral", "qv")]
LARGEST = {"8bits": 127, "4bits": 7}


def quantised(weight, largest):
    """`[out, in]` as quantising leaves it."""
    rows = weight.detach().T.contiguous()
    width = rows.shape[1]
    block = min(32, width & -width)
    parts = rows.reshape(-1, block)
    scale = parts.abs().amax(1, keepdim=True) / largest
    ratio = torch.where(scale > 0, parts * (1 / scale), 0.0)
    whole = torch.trunc(ratio + 0.5 * ratio.sign())
    return (whole * scale).reshape(rows.shape).T.contiguous()


def load(folder, kind):
    dtype = torch.bfloat16 if kind == "bf16" else torch.float32
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager")
    if kind in LARGEST:
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Linear) and not name.endswith("lm_head"):
                module.weight.data = quantised(module.weight, LARGEST[kind])
    return model


def train(model, trace, data):
    params = [p for p in model.parameters() if p.requires_grad]
    assert all(p.dtype == torch.float32 for p in params)
    steps = len(trace["loss"])
    optimizer = torch.optim.AdamW(params, lr=trace["optimizer"]["lr"], weight_decay=trace["optimizer"]["weight_decay"])
    schedule = get_cosine_schedule_with_warmup(optimizer, trace["schedule"]["warmup_steps"], steps)
    found = {"loss": [], "grad_norm": [], "lr": []}
    for step in range(steps):
        names = ("input_ids", "attention_mask", "labels")
        loss = model(**{name: data[f"train_{name}"][step] for name in names}).loss
        loss.backward()
        found["loss"].append(loss.item())
        found["grad_norm"].append(torch.nn.utils.clip_grad_norm_(params, trace["clip"]).item())
        found["lr"].append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return found


def main(tiny, peft):
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    data = load_file(peft / "batches.safetensors")
    traces = {}
    for base, variant in CASES:
        folder = peft / base / variant
        trace = json.loads((folder / "trace.json").read_text())
        for kind in ["bf16", *LARGEST]:
            model = PeftModel.from_pretrained(load(tiny / base, kind), folder / "adapter_init", is_trainable=True)
            traces.setdefault(f"{base}/{variant}", {})[kind] = train(model.train(), trace, data)
    json.dump(traces, sys.stdout, indent=1)
    print()


main(*map(Path, sys.argv[1:]))
