"""Tiny checkpoints of every class that is read, with what transformers and PEFT make of them.

Usage: python classes.py OUT [CASE...]
Needs torch, transformers 5.24, peft and safetensors; f32 on the CPU. Each OUT/CASE/ holds what transformers saved and
  oracle.safetensors  right_* and left_* (right and left padding): input_ids, attention_mask, logits; right_labels
  oracle.json         loss, gradient norms by parameter name, 64 greedy tokens behind each row of the left batch
  peft/               adapter_init, adapter_final (PEFT folders) and trace.json: 20 steps on OUT/batches.safetensors
Weights are wide enough that leaving a switch out moves the logits by far more than the tolerance.
"""
import json
import shutil
import sys
import warnings
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from torch import nn
from transformers import (AutoModelForCausalLM, GenerationConfig, GraniteConfig, LlamaConfig, Ministral3Config, Mistral3Config,
                          Mistral3ForConditionalGeneration, MistralConfig, PixtralVisionConfig, Qwen2Config, Qwen3Config,
                          SmolLM3Config, get_cosine_schedule_with_warmup)

VOCAB, PAD, BOS, EOS, IMAGE, NEW, STEPS = 96, 0, 1, 2, 10, 64, 20
BASE = dict(vocab_size=VOCAB, hidden_size=32, num_hidden_layers=2, intermediate_size=48, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-5, bos_token_id=BOS, eos_token_id=EOS,
            pad_token_id=PAD, tie_word_embeddings=False)
SHORT = ([20, 13, 9, 20], [8, 6, 3, 1])      # lengths of the rows, and of their prompts
LONG = ([40, 35, 33, 40], [20, 8, 3, 1])     # for what begins beyond the original length


def rope(kind="default", theta=1e4, **more):
    return dict(rope_type=kind, rope_theta=theta, **more)


MINISTRAL = rope("yarn", 1e6, factor=16.0, original_max_position_embeddings=16, beta_fast=4.0, beta_slow=0.25, mscale=1.0,
                 mscale_all_dim=1.0, llama_4_scaling_beta=0.3)
LONGROPE = rope("longrope", short_factor=[1.0, 1.1, 1.3, 1.6], long_factor=[1.2, 2.0, 3.0, 4.0], factor=4.0,
                original_max_position_embeddings=32)
GRANITE = dict(embedding_multiplier=3.0, attention_multiplier=0.2, residual_multiplier=0.4, logits_scaling=2.5)


def wrapper(text, **over):
    vision = PixtralVisionConfig(hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2,
                                 head_dim=8, image_size=16, patch_size=8, num_channels=3)
    return Mistral3Config(vision_config=vision, text_config=text, image_token_index=IMAGE, **over)


B = BASE
CASES = {  # name: (configuration, options)
    "qwen2": (Qwen2Config(**B, rope_parameters=rope(theta=1e6)), dict(config=dict(use_sliding_window=False, sliding_window=4))),
    "qwen2-tied-yarn": (Qwen2Config(**{**B, "tie_word_embeddings": True}, rope_parameters=rope(
        "yarn", 1e4, factor=4.0, original_max_position_embeddings=32)), dict(lens=LONG, dora=True)),
    "qwen2-window": (Qwen2Config(**B, rope_parameters=rope(), use_sliding_window=True, sliding_window=6, max_window_layers=0), {}),
    "qwen3": (Qwen3Config(**B, head_dim=12, rope_parameters=rope(theta=1e6)), {}),
    "qwen3-bias": (Qwen3Config(**{**B, "tie_word_embeddings": True}, head_dim=12, attention_bias=True, rope_parameters=rope()),
                   dict(dora=True)),
    "smollm3": (SmolLM3Config(**{**B, "num_hidden_layers": 3}, no_rope_layers=[0, 1, 1], rope_parameters=rope(theta=5e4)), {}),
    "smollm3-interval": (SmolLM3Config(**{**B, "num_hidden_layers": 3, "tie_word_embeddings": True}, no_rope_layer_interval=2,
                                       attention_bias=True, mlp_bias=True, rope_parameters=rope()),
                         dict(drop=["no_rope_layers", "layer_types"], dora=True)),
    "granite": (GraniteConfig(**B, **GRANITE, rope_parameters=rope()), {}),
    "granite-tied-bias": (GraniteConfig(**{**B, "tie_word_embeddings": True}, **GRANITE, attention_bias=True, mlp_bias=True,
                                        rope_parameters=rope()), dict(dora=True)),
    "llama-attention-bias": (LlamaConfig(**B, attention_bias=True, rope_parameters=rope()), dict(dora=True)),
    "llama-mlp-bias": (LlamaConfig(**B, mlp_bias=True, rope_parameters=rope()), {}),
    "llama-longrope": (LlamaConfig(**B, rope_parameters=LONGROPE), dict(lens=LONG)),
    "llama-longrope-short": (LlamaConfig(**B, rope_parameters={**LONGROPE, "original_max_position_embeddings": 120}), {}),
    "llama-dynamic": (LlamaConfig(**B, rope_parameters=rope("dynamic", factor=2.0)), {}),
    "llama-body": (LlamaConfig(**{**B, "tie_word_embeddings": True}, rope_parameters=rope()), dict(body=True)),
    "mistral-yarn": (MistralConfig(**B, head_dim=12, sliding_window=24, rope_parameters=rope(
        "yarn", factor=8.0, original_max_position_embeddings=24, attention_factor=1.3, truncate=False)), dict(lens=LONG)),
    "mistral-yarn-mscale": (MistralConfig(**B, sliding_window=None, rope_parameters=rope(
        "yarn", factor=8.0, original_max_position_embeddings=24, mscale=1.0, mscale_all_dim=0.0)), dict(lens=LONG)),
    "ministral3": (Ministral3Config(**B, head_dim=12, sliding_window=None, rope_parameters=MINISTRAL), dict(lens=LONG)),
    "ministral3-wrapped": (wrapper(Ministral3Config(**{**B, "tie_word_embeddings": True}, head_dim=12, rope_parameters=MINISTRAL),
                                   tie_word_embeddings=True), dict(lens=LONG, dora=True)),
    "mistral3": (wrapper(MistralConfig(**B, head_dim=12, sliding_window=None, rope_parameters=rope(theta=1e9)),
                         tie_word_embeddings=False), {}),
    "mistral3-memory-names": (wrapper(MistralConfig(**B, sliding_window=None, rope_parameters=rope()), tie_word_embeddings=False),
                              dict(save=dict(save_original_format=False))),
}


def loader(config):
    return Mistral3ForConditionalGeneration if config.model_type == "mistral3" else AutoModelForCausalLM


def load(folder, config):
    return loader(config).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def build(config, seed):
    make = loader(config)._from_config if config.model_type == "mistral3" else AutoModelForCausalLM.from_config
    model = make(config, attn_implementation="eager")
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            x = torch.randn(p.shape, generator=g)
            if name.endswith(".bias"):
                p.copy_(0.4 * x)
            elif "q_norm" in name or "k_norm" in name:
                p.copy_(1.3 + 0.4 * x)
            elif p.dim() == 1:
                p.copy_(1.0 + 0.1 * x)
            elif "embed" in name or "lm_head" in name:
                p.copy_(0.4 * x)
            else:
                p.copy_(1.2 * x / (p.numel() / p.shape[0]) ** 0.5)
    model.generation_config = GenerationConfig(bos_token_id=BOS, eos_token_id=[EOS, 4], pad_token_id=PAD, do_sample=True,
                                               temperature=0.7, top_p=0.8)
    return model.eval().float()


def save(model, config, folder, options):
    (model.model if options.get("body") else model).save_pretrained(folder, **options.get("save", {}))
    if options.get("body"):
        model.generation_config.save_pretrained(folder)
    path = folder / "config.json"
    settings = {**json.loads(path.read_text()), **options.get("config", {})}
    for name in options.get("drop", []):
        del settings[name]
    path.write_text(json.dumps(settings, indent=1, sort_keys=True) + "\n")


def padded(rows, left):
    width = max(map(len, rows))
    ids, mask = torch.full((len(rows), width), PAD), torch.zeros(len(rows), width, dtype=torch.long)
    for i, row in enumerate(rows):
        place = slice(width - len(row), width) if left else slice(0, len(row))
        ids[i, place], mask[i, place] = row, 1
    return ids, mask


def drawn(seed, lens):
    g = torch.Generator().manual_seed(1000 + seed)
    rows = [torch.cat([torch.tensor([BOS]), torch.randint(5, VOCAB, (n - 1,), generator=g)]) for n in lens]
    return [torch.where(row == IMAGE, IMAGE + 1, row) for row in rows]


@torch.no_grad()
def greedy(model, row):
    """64 tokens behind one row, all computed anew for each: no cache, no padding, no end."""
    for _ in range(NEW):
        logits = model(input_ids=row[None]).logits[0, -1]
        row = torch.cat([row, logits.argmax()[None]])
    return row[-NEW:].tolist()


def oracle(model, seed, options):
    lens, prompts = options.get("lens", SHORT)
    rows = drawn(seed, lens)
    ids, mask = padded(rows, left=False)
    labels = torch.where(mask.bool(), ids, -100)
    for i, k in enumerate(prompts):
        labels[i, :k] = -100
    model.zero_grad()
    out = model(input_ids=ids, attention_mask=mask, labels=labels)
    out.loss.backward()
    norms = {n: p.grad.norm().item() for n, p in sorted(model.named_parameters()) if p.grad is not None}
    model.zero_grad()
    left, left_mask = padded(rows, left=True)
    with torch.no_grad():
        positions = (left_mask.cumsum(-1) - 1).clamp(min=0)
        left_logits = model(input_ids=left, attention_mask=left_mask, position_ids=positions).logits
    tensors = dict(right_input_ids=ids, right_attention_mask=mask, right_labels=labels, right_logits=out.logits.detach(),
                   left_input_ids=left, left_attention_mask=left_mask, left_logits=left_logits)
    count = (labels[:, 1:] != -100).sum().item()
    facts = dict(loss_mean=out.loss.item(), loss_tokens=count, grad_norms=norms, greedy_ids=[greedy(model, row) for row in rows])
    return {name: value.contiguous() for name, value in tensors.items()}, facts


def batches():
    """A prompt, then the prompt backwards, which is trained; padded on the right."""
    g = torch.Generator().manual_seed(77)
    width, count = 20, 4
    ids = torch.full((STEPS, count, width), PAD)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for step in range(STEPS):
        for i in range(count):
            k = int(torch.randint(3, 9, (1,), generator=g))
            prompt = torch.randint(11, VOCAB, (k,), generator=g)
            row = torch.cat([torch.tensor([BOS]), prompt, torch.tensor([3]), prompt.flip(0), torch.tensor([EOS])])
            ids[step, i, :len(row)], mask[step, i, :len(row)] = row, 1
            labels[step, i, k + 2:len(row)] = row[k + 2:]
    return {"train_input_ids": ids, "train_attention_mask": mask, "train_labels": labels}


def put(model, folder, base):
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    settings = json.loads(path.read_text())
    settings["base_model_name_or_path"] = base
    if not isinstance(settings["target_modules"], str):
        settings["target_modules"] = sorted(settings["target_modules"])
    path.write_text(json.dumps(settings, indent=1, sort_keys=True) + "\n")


def trace(folder, name, config, options, data):
    torch.manual_seed(5)
    linear = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    if config.model_type == "mistral3":
        linear = r".*language_model.*\.(" + "|".join(linear) + ")"
    base = load(folder, config)
    model = get_peft_model(base, LoraConfig(r=4, lora_alpha=8, target_modules=linear, use_dora=options.get("dora", False),
                                            task_type="CAUSAL_LM"))
    put(model, folder / "peft/adapter_init", name)
    params = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(params, lr=3e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    schedule = get_cosine_schedule_with_warmup(optimizer, 0, STEPS)
    facts = {"optimizer": {"lr": 3e-3}, "clip": 1.0, "loss": [], "grad_norm": [], "lr": []}
    for step in range(STEPS):
        batch = {key: data[f"train_{key}"][step] for key in ("input_ids", "attention_mask", "labels")}
        loss = model(**batch).loss
        loss.backward()
        facts["loss"].append(loss.item())
        facts["grad_norm"].append(nn.utils.clip_grad_norm_(params, 1.0).item())
        facts["lr"].append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    put(model.eval(), folder / "peft/adapter_final", name)
    (folder / "peft/trace.json").write_text(json.dumps(facts) + "\n")
    return facts


def main(out, names):
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    out.mkdir(exist_ok=True)
    data = batches()
    save_file(data, out / "batches.safetensors")
    for seed, (name, (config, options)) in enumerate(CASES.items()):
        if names and name not in names:
            continue
        folder = out / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        save(build(config, 40 + seed), config, folder, options)
        model = load(folder, config)
        tensors, facts = oracle(model, 40 + seed, options)
        save_file(tensors, folder / "oracle.safetensors")
        (folder / "oracle.json").write_text(json.dumps(facts, indent=1) + "\n")
        steps = trace(folder, name, config, options, data)
        for path in folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        print(name, facts["loss_mean"], steps["loss"][0], steps["loss"][-1], min(steps["grad_norm"]), flush=True)


main(Path(sys.argv[1]), sys.argv[2:])
