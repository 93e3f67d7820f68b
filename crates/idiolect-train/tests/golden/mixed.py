#!/usr/bin/env python3
"""Golden trajectory of a training in bf16 whose optimiser state is f32, by PyTorch.

Usage: python mixed.py        writes mixed.json beside this file
Needs torch. One thread. Two parameters in bf16, each with a master in f32; 20 steps of two micro-batches, whose gradients
are given in bf16 and added up in f32. The sum is clipped by its norm, AdamW moves the masters, and each parameter is its
master rounded. The rate is so small that steps are lost where bf16 is moved itself: `lost` says how many of the
numbers end where they began then.
"""
import json, os
import torch

SEED, VOCAB, WIDTH, STEPS, MICRO = 5, 17, 6, 20, 2
RATE, DECAY, CLIP = 2e-4, 0.1, 0.9
TOLERANCE = {"grad_norm_relative": 2e-6, "masters": 2e-7, "moments": 2e-7}
torch.set_num_threads(1)
generator = torch.Generator().manual_seed(SEED)
draw = lambda *shape: torch.randn(*shape, generator=generator).bfloat16()
names = {"embedding": (VOCAB, WIDTH), "head": (WIDTH, VOCAB)}
initial = {name: draw(*shape) for name, shape in names.items()}
gradients = [[{name: draw(*shape) * 0.1 for name, shape in names.items()} for _ in range(MICRO)] for _ in range(STEPS)]


def train(masters):
    optimizer = torch.optim.AdamW(masters.values(), lr=RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=DECAY)
    norms = []
    for window in gradients:
        for micro in window:
            for name, master in masters.items():
                own = micro[name].to(master.dtype)
                master.grad = own.clone() if master.grad is None else master.grad + own
        norms.append(torch.nn.utils.clip_grad_norm_(masters.values(), CLIP).item())
        optimizer.step()
        optimizer.zero_grad()
    return norms, {name: optimizer.state[master] for name, master in masters.items()}


masters = {name: value.float().requires_grad_() for name, value in initial.items()}
norms, state = train(masters)
rounded = {name: value.clone().requires_grad_() for name, value in initial.items()}
train(rounded)
lost = sum((rounded[name] == initial[name]).sum().item() for name in names)
as_list = lambda tensors: {name: value.detach().float().tolist() for name, value in tensors.items()}
golden = {
    "generator": "crates/idiolect-train/tests/golden/mixed.py", "torch": torch.__version__, "seed": SEED, "tolerance": TOLERANCE,
    "rate": RATE, "weight_decay": DECAY, "clip_norm": CLIP, "lost": lost,
    "initial": as_list(initial), "gradients": [[as_list(micro) for micro in window] for window in gradients], "grad_norms": norms,
    "masters": as_list(masters), "parameters": as_list({name: master.bfloat16() for name, master in masters.items()}),
    "mean": as_list({name: own["exp_avg"] for name, own in state.items()}),
    "square": as_list({name: own["exp_avg_sq"] for name, own in state.items()}),
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "mixed.json"), "w") as file:
    json.dump(golden, file)
    file.write("\n")
