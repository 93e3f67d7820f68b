"""Modules that train whole in PEFT: twenty steps on fixed batches, the folder that is left, and its logits.

Usage: python modules.py FOLDER_OF_TINY_CHECKPOINTS FOLDER_OF_PEFT_BATCHES OUT
Needs torch, transformers, peft and safetensors; f32 on the CPU.
The factors of the n-th site (q and v, block by block) start from A[i, j] = 0.1 sin(1.3 n + 0.7 i + 0.37 j), B = 0.
"""
import json
import sys
import warnings
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, get_cosine_schedule_with_warmup

RATE, DECAY, CLIP, RANK = 1e-3, 0.01, 1.0, 4
PROMPT = [1, 30, 41, 52, 63, 3, 63, 52, 41, 30, 2]
WORDS = ["embed_tokens", "lm_head"]
CASES = {  # name: (checkpoint, modules, whether a tied head stays tied)
    "untied": ("tiny-llama3", [*WORDS, "norm"], False),
    "tied": ("tiny-llama-tied", WORDS, True),
    "parted": ("tiny-llama-tied", WORDS, False),
}


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")


def start(model):
    factors = [p for n, p in model.named_parameters() if "lora_A" in n]
    for n, a in enumerate(factors):
        i, j = (torch.arange(k, dtype=torch.float64) for k in a.shape)
        a.data = (0.1 * torch.sin(1.3 * n + 0.7 * i[:, None] + 0.37 * j[None, :])).float()


def train(model, data):
    params = [p for p in model.parameters() if p.requires_grad]
    steps = len(data["train_input_ids"])
    optimizer = torch.optim.AdamW(params, lr=RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=DECAY)
    schedule = get_cosine_schedule_with_warmup(optimizer, 0, steps)
    trace = {"loss": [], "grad_norm": [], "lr": []}
    for step in range(steps):
        names = ("input_ids", "attention_mask", "labels")
        loss = model(**{name: data[f"train_{name}"][step] for name in names}).loss
        loss.backward()
        trace["loss"].append(loss.item())
        trace["grad_norm"].append(torch.nn.utils.clip_grad_norm_(params, CLIP).item())
        trace["lr"].append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return trace


def main(tiny, batches, out):
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    data = load_file(batches / "batches.safetensors")
    traces = {}
    for name, (checkpoint, modules, tie) in CASES.items():
        config = LoraConfig(r=RANK, lora_alpha=8, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM",
                            modules_to_save=list(modules), ensure_weight_tying=tie)
        model = get_peft_model(load(tiny / checkpoint), config)
        start(model)
        trace = train(model.train(), data)
        folder = out / name
        model.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)
        path = folder / "adapter_config.json"
        settings = json.loads(path.read_text())
        settings["base_model_name_or_path"] = checkpoint
        settings["target_modules"] = sorted(settings["target_modules"])
        path.write_text(json.dumps(settings, indent=1, sort_keys=True) + "\n")
        back = PeftModel.from_pretrained(load(tiny / checkpoint), folder).eval()
        with torch.no_grad():
            logits = back(input_ids=torch.tensor([PROMPT])).logits[0]
        save_file({"logits": logits.contiguous()}, folder / "logits.safetensors")
        optimizer = {"lr": RATE, "weight_decay": DECAY}
        traces[name] = {"base": checkpoint, "optimizer": optimizer, "clip": CLIP, **trace}
    (out / "trace.json").write_text(json.dumps(traces, indent=1) + "\n")


main(*map(Path, sys.argv[1:]))
