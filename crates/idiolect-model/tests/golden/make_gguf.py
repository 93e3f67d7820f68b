#!/usr/bin/env python3
"""Writes quants.gguf with quants.json, llama.gguf with llama.json, and llama.gguf in two parts.

quants: one tensor of every readable type, and what the Python package gguf unpacks it to.
llama:  a one-layer model with permuted query and key rows, and its settings in Hugging Face form.
parts:  the same as llama-00001-of-00002.gguf and llama-00002-of-00002.gguf.

Needs: pip install gguf numpy        Usage: python make_gguf.py   (deterministic)
"""
import importlib.metadata
import json
import os

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 20260
# First bytes of the half-precision scales in a block that this package cannot write itself.
SCALES = {Kind.Q2_K: (80, 82), Kind.Q3_K: (108,), Kind.Q4_K: (0, 2), Kind.Q5_K: (0, 2), Kind.Q6_K: (208,)}
WRITABLE = [Kind.BF16, Kind.Q4_0, Kind.Q4_1, Kind.Q5_0, Kind.Q5_1, Kind.Q8_0]


def about():
    return {"generator": "make_gguf.py", "gguf": importlib.metadata.version("gguf"),
            "numpy": np.__version__, "seed": SEED, "tolerance": 0}


def dump(name, content):
    with open(os.path.join(HERE, name), "w", encoding="utf-8", newline="\n") as f:
        json.dump(content, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")


def save(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def random_blocks(kind, rng):
    """Two rows of one block: any bits are a valid block, only the scales must be finite."""
    size = gguf.GGML_QUANT_SIZES[kind][1]
    blocks = rng.integers(0, 256, (2, size), dtype=np.uint8)
    for at in SCALES[kind]:
        scale = rng.uniform(-0.1, 0.1, (2, 1)).astype(np.float16)
        blocks[:, at:at + 2] = scale.view(np.uint8)
    return blocks


def quants():
    rng = np.random.default_rng(SEED)
    writer = gguf.GGUFWriter(os.path.join(HERE, "quants.gguf"), "llama")
    values = {}
    for kind in [Kind.F32, Kind.F16, *WRITABLE, *SCALES]:
        if kind in SCALES:
            data = random_blocks(kind, rng)
        else:
            plain = rng.normal(0.0, 0.3, (2, 64)).astype(np.float32)
            data = gguf.quants.quantize(plain, kind)
        unpacked = np.ascontiguousarray(gguf.quants.dequantize(data, kind), dtype=np.float32)
        writer.add_tensor(kind.name, data, raw_dtype=kind)
        values[kind.name] = {"shape": unpacked.shape, "bits": unpacked.view(np.uint32).ravel().tolist()}
    save(writer)
    dump("quants.json", {**about(), "values": values})


def permute(rows, heads):
    """llama.cpp's order: the rotary pairs of a head become neighbours."""
    width = rows.shape[0] // heads
    return rows.reshape(heads, 2, width // 2, -1).swapaxes(1, 2).reshape(rows.shape)


def llama3_divisors(theta, width, factor, low, high, original):
    """The divisors that llama.cpp's converter stores for Llama 3.1."""
    frequencies = 1.0 / theta ** (np.arange(0, width, 2, dtype=np.float32) / width)
    divisors = []
    for wavelength in 2 * np.pi / frequencies:
        smooth = np.clip((original / wavelength - low) / (high - low), 0.0, 1.0)
        divisors.append(1.0 / ((1.0 - smooth) / factor + smooth))
    return np.array(divisors, dtype=np.float32)


def llama(parts=False):
    hidden, heads, kv_heads, width, wide, words = 12, 2, 1, 8, 16, 6
    writer = gguf.GGUFWriter(os.path.join(HERE, "llama.gguf"), "llama", split_max_tensors=7 if parts else 0)
    writer.add_block_count(1)
    writer.add_context_length(131072)
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(wide)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_rope_dimension_count(width)
    writer.add_rope_freq_base(500000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(["a", "b", "ab", "<s>", "</s>", "<eot>"])
    writer.add_token_types([1, 1, 1, 3, 3, 3])
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(3)
    writer.add_eos_token_id(4)
    writer.add_eot_token_id(5)
    writer.add_add_bos_token(True)
    writer.add_chat_template("{{ messages }}")
    shapes = {"token_embd": (words, hidden), "output_norm": (hidden,), "output": (words, hidden),
              "blk.0.attn_norm": (hidden,), "blk.0.ffn_norm": (hidden,), "blk.0.attn_q": (heads * width, hidden),
              "blk.0.attn_k": (kv_heads * width, hidden), "blk.0.attn_v": (kv_heads * width, hidden),
              "blk.0.attn_output": (hidden, heads * width), "blk.0.ffn_gate": (wide, hidden),
              "blk.0.ffn_up": (wide, hidden), "blk.0.ffn_down": (hidden, wide)}
    # Every tensor counts up from zero in Hugging Face order, so that a moved row shows.
    for name, shape in shapes.items():
        tensor = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        if name.endswith("attn_q"):
            tensor = permute(tensor, heads)
        elif name.endswith("attn_k"):
            tensor = permute(tensor, kv_heads)
        writer.add_tensor(name + ".weight", np.ascontiguousarray(tensor))
    writer.add_tensor("rope_freqs.weight", llama3_divisors(500000.0, width, 32.0, 1.0, 4.0, 8192))
    save(writer)
    if parts:
        return
    block = "model.layers.0."
    names = ["model.embed_tokens", "model.norm", "lm_head", block + "input_layernorm", block + "post_attention_layernorm",
             *(block + "self_attn." + p + "_proj" for p in "qkvo"),
             *(block + "mlp." + p + "_proj" for p in ("gate", "up", "down"))]
    dump("llama.json", {**about(), "shapes": {n + ".weight": s for n, s in zip(names, shapes.values())}, "config": {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": hidden,
        "num_attention_heads": heads, "num_key_value_heads": kv_heads, "head_dim": width, "intermediate_size": wide,
        "num_hidden_layers": 1, "max_position_embeddings": 131072, "sliding_window": None, "rms_norm_eps": 1e-5,
        "rope_theta": 500000.0, "rope_scaling": {
            "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192},
        "vocab_size": words, "tie_word_embeddings": False, "attention_bias": False, "bos_token_id": 3,
        "eos_token_id": [4, 5], "pad_token_id": None, "torch_dtype": "float32"}})


if __name__ == "__main__":
    quants()
    llama()
    llama(parts=True)
