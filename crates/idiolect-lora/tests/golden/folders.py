#!/usr/bin/env python3
"""Adapter folders as PEFT writes them with options that few use, and the logits that PEFT reads out of them.

Usage: python folders.py      writes folders/ beside this file
Needs torch, transformers and peft. One thread, f32.

Base models are tiny Llamas: `untied`, `tied`, and `biases` with biases of the attention. The factors of an adapter
are drawn at random; the logits are those of the folder as `PeftModel.from_pretrained` reads it onto its base.
"""
import json, os, shutil
import peft, torch, transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "folders")
VOCAB, ROWS = 32, 3
IDS = [[1, 5, 9, 30, 2, 7], [3, 31, 8, 4, 4, 0]]
QV = ["q_proj", "v_proj"]


def base(kind):
    torch.manual_seed(7)
    config = transformers.LlamaConfig(
        vocab_size=VOCAB, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=64, tie_word_embeddings=kind == "tied",
        attention_bias=kind == "biases", bos_token_id=1, eos_token_id=2, initializer_range=0.3)
    model = transformers.LlamaForCausalLM(config)
    for name, value in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(value, std=0.3)
    return model.eval()


# Name: base model, options of LoraConfig, and what else is done.
CASES = {
    "exclude-names": ("untied", dict(target_modules="all-linear", exclude_modules=["o_proj", "layers.1.mlp.up_proj"])),
    "exclude-pattern": ("untied", dict(target_modules=QV, exclude_modules=r".*layers\.0\..*q_proj")),
    "exclude-look-behind": ("untied", dict(target_modules=r".*(q_proj|lm_head)", exclude_modules=r".*(?<!q)_proj|lm_head")),
    "look-ahead": ("untied", dict(target_modules=r"^(?!.*(?:visual|merger)).*\.(?:q_proj|v_proj)$")),
    "look-ahead-inside": ("untied", dict(target_modules=r"^(model(?=\.).*\.(q_proj|v_proj))$")),
    "look-ahead-rank": ("untied", dict(target_modules=QV, rank_pattern={r"(?!.*layers\.0).*q_proj": 4}, alpha_pattern={r".*layers\.(\d)\.self_attn\.v_proj": 3})),
    "absent-names": ("untied", dict(target_modules=["q_proj", "c_attn", "query_key_value", "visual.blocks.0.attn.q_proj"])),
    "default-keys": ("untied", dict(target_modules=QV, use_dora=True), "default"),
    "default-keys-words": ("untied", dict(target_modules=["q_proj", "embed_tokens", "lm_head"]), "default"),
    "head": ("untied", dict(target_modules=["q_proj", "lm_head"])),
    "head-tied": ("tied", dict(target_modules=["q_proj", "lm_head"])),
    "head-alone": ("untied", dict(target_modules=["lm_head"])),
    "head-layers": ("untied", dict(target_modules=["q_proj", "lm_head"], layers_to_transform=[1])),
    "head-saved": ("untied", dict(target_modules=r".*(q_proj|lm_head)", modules_to_save=["lm_head"])),
    "head-pissa": ("untied", dict(target_modules=["q_proj", "lm_head"], init_lora_weights="pissa")),
    "bias-plain": ("biases", dict(target_modules=["q_proj", "v_proj"], lora_bias=True)),
    "embedding": ("untied", dict(target_modules=["q_proj", "embed_tokens"])),
    "embedding-tied": ("tied", dict(target_modules=["q_proj", "embed_tokens"])),
    "embedding-kept-tied": ("tied", dict(target_modules=["q_proj", "embed_tokens"], ensure_weight_tying=True)),
    "both-patterns": ("untied", dict(target_modules=["embed_tokens", "k_proj", "lm_head"], use_rslora=True, rank_pattern={"lm_head": 2, "embed_tokens": 4}, alpha_pattern={"embed_tokens": 5})),
    "both-tied": ("tied", dict(target_modules=["embed_tokens", "k_proj", "lm_head"])),
    "both-dora": ("untied", dict(target_modules=["embed_tokens", "k_proj", "lm_head"], use_dora=True)),
    "both-resized": ("untied", dict(target_modules=["embed_tokens", "k_proj", "lm_head"]), "resized"),
    "tokens": ("untied", dict(target_modules=QV, trainable_token_indices=[3, 30, 5])),
    "tokens-tied": ("tied", dict(target_modules=QV, trainable_token_indices=[3, 30, 5])),
    "tokens-head": ("untied", dict(target_modules=QV, trainable_token_indices={"lm_head": [4, 9]})),
    "tokens-both": ("tied", dict(target_modules=QV, trainable_token_indices={"embed_tokens": [3, 30], "lm_head": [4, 9, 1]})),
    "tokens-alike": ("tied", dict(target_modules=QV, trainable_token_indices={"embed_tokens": [3, 30], "lm_head": [3, 30]})),
    "tokens-resized": ("tied", dict(target_modules=QV, trainable_token_indices=[33, 2]), "resized"),
    "olora": ("untied", dict(target_modules=QV, init_lora_weights="olora")),
    "olora-wide": ("untied", dict(target_modules="all-linear", init_lora_weights="olora", use_rslora=True, r=8)),
    "olora-head": ("untied", dict(target_modules=["down_proj", "lm_head"], init_lora_weights="olora")),
    "bias": ("biases", dict(target_modules=["q_proj", "o_proj"], lora_bias=True, use_rslora=True)),
    "bias-alone": ("untied", dict(target_modules=QV, lora_bias=True)),
}


def draw(model):
    for name, value in model.named_parameters():
        if value.requires_grad or "lora_" in name or "trainable_tokens_delta" in name:
            # In place: a head that is the embedding shares its factors.
            value.data.add_(0.2 * torch.randn_like(value))


def rename(path):
    """The keys as a plain `state_dict` has them, with the adapter's name."""
    def key(name):
        for part in ["lora_A", "lora_B"]:
            name = name.replace(f".{part}.weight", f".{part}.default.weight")
        for part in ["lora_embedding_A", "lora_embedding_B"]:
            name = name.replace(f".{part}", f".{part}.default")
        return name.replace(".lora_magnitude_vector", ".lora_magnitude_vector.default.weight")
    save_file({key(name): value for name, value in load_file(path).items()}, path, {"format": "pt"})


def one(name, kind, options, change=None):
    folder = os.path.join(ROOT, name)
    model = base(kind)
    if change == "resized":
        torch.manual_seed(5)
        model.resize_token_embeddings(VOCAB + ROWS, mean_resizing=False)
        grown = {key: value.clone() for key, value in model.state_dict().items()}
    torch.manual_seed(11)
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **{"r": 3, "lora_alpha": 6, **options}))
    draw(adapted)
    adapted.save_pretrained(folder)
    os.remove(os.path.join(folder, "README.md"))
    if change == "default":
        rename(os.path.join(folder, "adapter_model.safetensors"))
    again = base(kind)
    if change == "resized":
        again.resize_token_embeddings(VOCAB + ROWS, mean_resizing=False)
        again.load_state_dict(grown)
    read = PeftModel.from_pretrained(again, folder).eval()
    config = json.load(open(os.path.join(folder, "adapter_config.json")))
    config["base_model_name_or_path"] = kind
    for field in ["target_modules", "exclude_modules", "modules_to_save"]:
        if isinstance(config.get(field), list):
            config[field].sort()
    json.dump(config, open(os.path.join(folder, "adapter_config.json"), "w"), indent=1, sort_keys=True)
    with torch.no_grad():
        logits = read(torch.tensor(IDS)).logits
    return {"base": kind, "logits": [float(f"{x:.9g}") for x in logits.flatten().tolist()]}


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    torch.set_num_threads(1)
    found = {}
    for kind in ["untied", "tied", "biases"]:
        model = base(kind)
        model.save_pretrained(os.path.join(ROOT, kind))
        with torch.no_grad():
            logits = model(torch.tensor(IDS)).logits
        found[kind] = {"base": kind, "logits": [float(f"{x:.9g}") for x in logits.flatten().tolist()]}
        os.remove(os.path.join(ROOT, kind, "generation_config.json"))
    for name, case in CASES.items():
        found[name] = one(name, *case)
    about = {"generator": "folders.py", "ids": IDS, "versions": {"torch": torch.__version__, "peft": peft.__version__, "transformers": transformers.__version__}}
    with open(os.path.join(ROOT, "logits.json"), "w") as file:
        json.dump({"about": about, "cases": found}, file, indent=0)


main()
