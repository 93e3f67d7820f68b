#!/usr/bin/env python3
"""Logits of PEFT with several adapters at once: active together, and combined by add_weighted_adapter.

Usage: python stack.py ORACLES        the folder that holds tiny/ and peft/; writes stack.json beside this file
Needs torch, transformers and peft. One thread, f32.
"""
import json, os, sys
import peft, torch, transformers
from peft import PeftModel

ORACLES = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
MODEL, IDS = "tiny-llama3", [5, 42, 79, 116, 153, 190]
TOGETHER = [["qv", "all"], ["all", "qv_rslora"], ["qv_dora", "qv"]]
WEIGHTED = [[["qv", 0.7], ["all", 0.4]], [["all", 1.5], ["qv_rslora", 0.25], ["qv", 1.0]]]


def model(names):
    base = transformers.AutoModelForCausalLM.from_pretrained(f"{ORACLES}/tiny/{MODEL}", dtype=torch.float32, attn_implementation="eager")
    folder = lambda name: f"{ORACLES}/peft/{MODEL}/{name}/adapter_final"
    joined = PeftModel.from_pretrained(base, folder(names[0]), adapter_name=names[0])
    for name in names[1:]:
        joined.load_adapter(folder(name), adapter_name=name)
    return joined.eval()


def logits(joined):
    with torch.no_grad():
        values = joined(input_ids=torch.tensor([IDS])).logits
    return [float(f"{value:.7g}") for value in values.flatten().tolist()]


def together(names):
    joined = model(names)
    # All of them are active, in this order; PEFT's `set_adapter` of the model takes one name, its tuner's takes several.
    joined.base_model.set_adapter(names)
    return {"parts": [[name, 1.0] for name in names], "logits": logits(joined)}


def weighted(parts):
    names, weights = [name for name, _ in parts], [weight for _, weight in parts]
    joined = model(names)
    joined.add_weighted_adapter(names, weights, adapter_name="sum", combination_type="cat")
    joined.set_adapter("sum")
    return {"parts": parts, "logits": logits(joined)}


torch.set_num_threads(1)
versions = {"torch": torch.__version__, "peft": peft.__version__, "transformers": transformers.__version__}
golden = {
    "generator": "stack.py", "versions": versions, "tolerance": 1e-4, "model": MODEL, "ids": IDS,
    "together": [together(names) for names in TOGETHER], "weighted": [weighted(parts) for parts in WEIGHTED],
}
with open(os.path.join(HERE, "stack.json"), "w") as file:
    json.dump(golden, file)
    file.write("\n")
