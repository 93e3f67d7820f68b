#!/usr/bin/env python3
"""Golden trajectories of the training loop: a next-token model of an embedding and a linear head, trained by PyTorch.

Usage: python make.py        writes <case>.json beside this file
Needs torch. One thread, f32. Rows come in file order; a window is `accumulation` micro-batches of `batch_size` rows and
never reaches over an epoch; its loss is the sum over trained tokens (after the shift) divided by all of the window's.
Per step: loss, gradient norm before clipping, learning rate. At the end: parameters and both moments of AdamW.
The head is stored as [width, vocab].
"""
import json, math, os
import torch

SEED, VOCAB, WIDTH = 11, 17, 6
CASES = {
    "cosine": dict(schedule="cosine", warmup_steps=3, weight_decay=0.1, clip_norm=0.9, accumulation=2, learning_rate=0.02),
    "linear": dict(schedule="linear", warmup_steps=0, weight_decay=0.0, clip_norm=0.0, accumulation=1, learning_rate=0.01),
    "constant": dict(schedule="constant", warmup_steps=2, weight_decay=0.01, clip_norm=0.5, accumulation=3, learning_rate=0.01),
}
BATCH, EPOCHS = 3, 3
TOLERANCE = {"loss": 2e-6, "grad_norm_relative": 2e-6, "lr": 1e-12, "parameters": 2e-6, "moments": 2e-6}


def make_rows(generator):
    rows = []
    for index in range(14):
        length = int(torch.randint(3, 11, (1,), generator=generator))
        ids = torch.randint(0, VOCAB, (length,), generator=generator).tolist()
        prompt = int(torch.randint(1, length, (1,), generator=generator))
        rows.append({"id": index, "input_ids": ids, "labels": [-100] * prompt + ids[prompt:]})
    return rows


def rate(case, step, total):
    warmup = case["warmup_steps"]
    if step < warmup:
        return case["learning_rate"] * step / warmup
    done = (step - warmup) / max(1, total - warmup)
    return case["learning_rate"] * {"cosine": 0.5 * (1 + math.cos(math.pi * done)), "linear": 1 - done, "constant": 1.0}[case["schedule"]]


def run(case):
    generator = torch.Generator().manual_seed(SEED)
    rows = make_rows(generator)
    embedding = torch.randn(VOCAB, WIDTH, generator=generator).requires_grad_()
    head = (torch.randn(WIDTH, VOCAB, generator=generator) * 0.3).requires_grad_()
    params = {"embedding": embedding, "head": head}
    initial = {name: value.detach().tolist() for name, value in params.items()}
    clip = case["clip_norm"] or float("inf")
    optimizer = torch.optim.AdamW(params.values(), lr=1.0, betas=(0.9, 0.999), eps=1e-8, weight_decay=case["weight_decay"])
    batches = [rows[i:i + BATCH] for i in range(0, len(rows), BATCH)]
    windows = [batches[i:i + case["accumulation"]] for i in range(0, len(batches), case["accumulation"])] * EPOCHS
    steps = []
    for step, window in enumerate(windows):
        tokens = sum(label != -100 for batch in window for row in batch for label in row["labels"][1:])
        total = 0.0
        for batch in window:
            loss = 0.0
            for row in batch:
                logits = embedding[torch.tensor(row["input_ids"])] @ head
                loss = loss + torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(row["labels"][1:]), reduction="sum", ignore_index=-100)
            (loss / tokens).backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(params.values(), clip).item()
        lr = rate(case, step, len(windows))
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
        optimizer.zero_grad()
        steps.append({"loss": total / tokens, "lr": lr, "grad_norm": norm, "trained_tokens": tokens})
    state = {name: optimizer.state[value] for name, value in params.items()}
    return {
        "generator": "crates/idiolect-train/tests/golden/make.py", "torch": torch.__version__, "seed": SEED, "tolerance": TOLERANCE,
        "config": {**case, "batch_size": BATCH, "epochs": EPOCHS}, "rows": rows, "initial": initial, "steps": steps,
        "final": {name: value.detach().tolist() for name, value in params.items()},
        "mean": {name: value["exp_avg"].tolist() for name, value in state.items()},
        "square": {name: value["exp_avg_sq"].tolist() for name, value in state.items()},
    }


def main():
    torch.set_num_threads(1)
    for name, case in CASES.items():
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.json")
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            json.dump(run(case), file)
            file.write("\n")


if __name__ == "__main__":
    main()
