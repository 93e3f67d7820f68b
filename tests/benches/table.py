#!/usr/bin/env python3
"""One table of what `cargo xtask bench` left in a folder: python table.py FOLDER

ours.jsonl holds our cases, twice where peers ran in between; torch.json and llama.json are what bench_peft.py and
bench_llamacpp.py wrote, where they ran. Figures are tokens a second: ours the mean of the runs' medians with the
lowest and the highest repeat, the peers' medians with their best. The last columns are ours by theirs; llama.cpp has 500
prompt tokens where the others have 512.
"""
import json
import os
import sys

FLOATS = [("train-whole", dict(what="train", ckpt=False), None), ("train-blocks", dict(what="train", ckpt=True), None),
          ("generate-1", dict(what="gen", batch=1), "gen_b1"), ("generate-8", dict(what="gen", batch=8), "gen_b8"),
          ("prefill-512", dict(what="prefill", batch=1, seq=512), "prefill_500"),
          ("prefill-4x256", dict(what="prefill", batch=4, seq=256), None)]
BLOCKS = [("generate-1", "gen_b1"), ("generate-8", "gen_b8"), ("prefill-512", "prefill_500")]
CASES = [(case, peer | dict(dtype="f32"), llama) for case, peer, llama in FLOATS]
CASES += [(case + "-bf16", peer | dict(dtype="bf16"), llama) for case, peer, llama in FLOATS]
CASES += [(f"{case}-{kind}", None, llama) for kind in ["8bits", "4bits", "q8_0", "q4_0", "Q4_1"] for case, llama in BLOCKS]
# Whose file a case is compared with: blocks of 32 numbers with one scale, as ours, or that very file; in bf16 the one in
# 8 bits, since that is what a user of llama.cpp would take for speed.
FILES = {"bf16": "q8_0", "8bits": "q8_0", "4bits": "q4_0", "q8_0": "q8_0", "q4_0": "q4_0", "Q4_1": "Q4_1"}


def read(name):
    path = os.path.join(sys.argv[1], name)
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return [json.loads(line) for line in f] if name.endswith("l") else json.load(f)


ours, torch, llama = read("ours.jsonl"), read("torch.json"), read("llama.json")
print("| case | Idiolect | MiB | transformers, PEFT | MiB | llama.cpp | MiB | by transformers | by llama.cpp |")
print("|---|---|---|---|---|---|---|---|---|")
for case, torch_case, llama_case in CASES:
    mine = [row for row in ours if row["case"] == case]
    if not mine:
        continue
    speed = sum(row["tokens_per_second"] for row in mine) / len(mine)
    every = [rate for row in mine for rate in row["all"]]
    cells = [case, f"{speed:.1f} ({min(every):.1f}-{max(every):.1f})", f"{max(row['peak_mib'] for row in mine)}"]
    ratios = []
    file = "." + FILES.get(case.rsplit("-", 1)[-1], "f32") + ".gguf"
    peers = [[(row, "") for row in torch if torch_case and torch_case.items() <= row.items()],
             [(row, llama_case + "_") for row in llama if llama_case and row["file"].endswith(file)]]
    for found in peers:
        if not found:
            cells += ["-", "-"]
            ratios.append("-")
            continue
        row, prefix = found[0]
        theirs = row[prefix + "tokens_s_median"]
        cells += [f"{theirs:.1f} (best {row[prefix + 'tokens_s_best']:.1f})", f"{row['peak_rss_mib']:.0f}"]
        ratios.append(f"{speed / theirs:.2f} x")
    print("| " + " | ".join(cells + ratios) + " |")
print(f"load average {os.getloadavg()[0]:.1f}; ours ran {'before and after the peers' if torch or llama else 'alone'}")
