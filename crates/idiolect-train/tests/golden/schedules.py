#!/usr/bin/env python3
"""Golden learning rates: the schedules of transformers, asked for every step.

Usage: python schedules.py        writes schedules.json beside this file
Needs torch and transformers (`transformers.get_scheduler`). A rate is a multiple of the full one.
"""
import json, os
import torch, transformers

NAMES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}
LENGTHS = [(0, 1), (0, 7), (3, 20), (5, 5), (10, 300)]


def rates(name, warmup, total):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = transformers.get_scheduler(NAMES[name], optimizer, num_warmup_steps=warmup, num_training_steps=total)
    found = []
    for _ in range(total):
        found.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return found


def main():
    cases = [{"schedule": name, "warmup_steps": warmup, "total": total, "rates": rates(name, warmup, total)}
             for name in NAMES for warmup, total in LENGTHS]
    golden = {"generator": "crates/idiolect-train/tests/golden/schedules.py", "transformers": transformers.__version__, "cases": cases}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schedules.json")
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        json.dump(golden, file)
        file.write("\n")


if __name__ == "__main__":
    main()
