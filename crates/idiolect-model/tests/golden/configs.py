"""What transformers makes of configurations: absent settings, settings with several homes, contradictions, old forms.

Usage: python configs.py > configs.json
Needs torch and transformers 5.24. Each entry has a config.json (`config`), and what its class makes of it: sizes, window,
ids, base and frequencies of the rotary embedding, the factor of cosines and sines.
"""
import contextlib
import io
import json
import sys

from transformers import AutoConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

CLASSES = {"llama": "LlamaForCausalLM", "mistral": "MistralForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM",
           "smollm3": "SmolLM3ForCausalLM", "granite": "GraniteForCausalLM", "ministral3": "Ministral3ForCausalLM"}
SIZES = dict(vocab_size=130000, hidden_size=256, intermediate_size=64, num_hidden_layers=4, num_attention_heads=32)
LLAMA3 = dict(factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)
LONG = dict(short_factor=[1.0, 1.1, 1.2, 1.3], long_factor=[2.0, 3.0, 4.0, 5.0])
NO = object()


def cases():
    for kind in CLASSES:
        yield f"{kind}: nothing but sizes", kind, {}
        nulls = dict(rope_scaling=None, rope_parameters=None)
        if kind not in ("mistral", "ministral3"):
            nulls["num_key_value_heads"] = None
        if kind not in ("qwen3", "ministral3"):
            nulls["head_dim"] = None
        if kind in ("mistral", "ministral3", "llama"):
            nulls["sliding_window"] = None
        yield f"{kind}: null", kind, nulls
        yield f"{kind}: a window", kind, dict(sliding_window=8, num_key_value_heads=4)
        yield f"{kind}: theta at the top", kind, dict(rope_theta=5e5)
        yield f"{kind}: theta in rope_parameters", kind, dict(rope_parameters=dict(rope_type="default", rope_theta=3e5))
        yield f"{kind}: pad -1", kind, dict(pad_token_id=-1)
    for kind in ("llama", "mistral", "qwen2", "granite"):
        new = dict(rope_type="llama3", **LLAMA3)
        yield f"{kind}: parameters without theta", kind, dict(rope_theta=5e5, rope_parameters=dict(rope_type="default"))
        yield f"{kind}: llama3 parameters without theta", kind, dict(rope_theta=5e5, rope_parameters=new)
        yield f"{kind}: theta inside rope_scaling", kind, dict(rope_scaling=dict(new, rope_theta=5e5))
        yield f"{kind}: theta inside and at the top", kind, dict(rope_theta=7e4, rope_scaling=dict(new, rope_theta=5e5))
        yield f"{kind}: empty parameters beside the old keys", kind, dict(rope_theta=5e5, rope_scaling=new, rope_parameters={})
        yield f"{kind}: both homes", kind, dict(rope_scaling=dict(rope_type="linear", factor=2.0), rope_parameters=dict(new, rope_theta=9e4))
        yield f"{kind}: empty rope_scaling", kind, dict(rope_scaling={}, rope_parameters=dict(rope_type="linear", factor=3.0, rope_theta=2e4))
        yield f"{kind}: the old name of the kind", kind, dict(rope_scaling=dict(type="linear", factor=4.0))
        yield f"{kind}: both names of the kind", kind, dict(rope_scaling=dict(type="linear", rope_type="yarn", factor=4.0))
        yield f"{kind}: dynamic", kind, dict(rope_theta=2e4, rope_scaling=dict(type="dynamic", factor=4.0))
        yield f"{kind}: original length from the longest", kind, dict(max_position_embeddings=4096, rope_scaling=dict(rope_type="yarn", factor=4.0))
        yield f"{kind}: original length at the top", kind, dict(
            max_position_embeddings=4096, original_max_position_embeddings=512, rope_scaling=dict(rope_type="yarn", factor=4.0))
        yield f"{kind}: yarn, all numbers", kind, dict(rope_scaling=dict(
            rope_type="yarn", factor=16.0, original_max_position_embeddings=256, beta_fast=8.0, beta_slow=2.0, mscale=0.7, mscale_all_dim=1.3))
        yield f"{kind}: yarn, mscale_all_dim 0", kind, dict(rope_scaling=dict(
            rope_type="yarn", factor=64.0, original_max_position_embeddings=256, beta_fast=4, mscale=1.0, mscale_all_dim=0.0))
        yield f"{kind}: yarn, attention factor and bounds as they fall", kind, dict(rope_scaling=dict(
            rope_type="yarn", factor=5.0, original_max_position_embeddings=100, attention_factor=0.8, truncate=False))
        yield f"{kind}: longrope", kind, dict(max_position_embeddings=4096, rope_scaling=dict(
            rope_type="longrope", original_max_position_embeddings=1024, **LONG))
        yield f"{kind}: longrope, factor and original length at the top", kind, dict(
            original_max_position_embeddings=2048, rope_scaling=dict(rope_type="longrope", factor=3.0, **LONG))
        yield f"{kind}: longrope, attention factor", kind, dict(rope_scaling=dict(
            rope_type="longrope", factor=3.0, attention_factor=1.5, original_max_position_embeddings=16, **LONG))
    for kind in ("qwen2", "qwen3", "smollm3"):
        slide = ["sliding_attention"] * 4
        yield f"{kind}: a window in all layers", kind, dict(
            use_sliding_window=True, sliding_window=16, max_window_layers=0, layer_types=slide)
        yield f"{kind}: a window in no layer", kind, dict(
            use_sliding_window=True, sliding_window=16, max_window_layers=0, layer_types=["full_attention"] * 4)
        yield f"{kind}: a window that is not used", kind, dict(use_sliding_window=False, sliding_window=16, max_window_layers=0)
    yield "qwen2: a window from layer 28 of 4 on", "qwen2", dict(use_sliding_window=True, sliding_window=16)
    yield "qwen2: no list", "qwen2", dict(use_sliding_window=True, sliding_window=16, max_window_layers=0)
    yield "smollm3: every second layer", "smollm3", dict(no_rope_layer_interval=2)
    yield "smollm3: a list against the interval", "smollm3", dict(no_rope_layer_interval=2, no_rope_layers=[1, 1, 0, 1])
    yield "ministral3: parameters that say less", "ministral3", dict(
        rope_parameters=dict(rope_type="yarn", factor=2.0, llama_4_scaling_beta=0.2))
    yield "ministral3: both names", "ministral3", dict(rope_parameters=dict(
        type="yarn", rope_type="yarn", factor=48.0, original_max_position_embeddings=8192, rope_theta=1e8, beta_fast=32.0,
        beta_slow=1.0, mscale=1.0, mscale_all_dim=1.0, llama_4_scaling_beta=0.1, max_position_embeddings=393216))


def resolved(kind, config):
    c = type(AutoConfig.for_model(kind)).from_dict(json.loads(json.dumps(config)))
    head_dim = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
    window = getattr(c, "sliding_window", None) if kind != "llama" and kind != "granite" else None
    types = getattr(c, "layer_types", None)
    if kind in ("qwen2", "qwen3", "smollm3"):
        used = c.use_sliding_window and types is not None and "sliding_attention" in types
        window = c.sliding_window if used else None
    rotary = LlamaRotaryEmbedding(c)
    rope = dict(c.rope_parameters)
    beyond = None
    if rope["rope_type"] == "longrope":
        from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
        original = rope["original_max_position_embeddings"]
        beyond = dict(length=original, inv_freq=ROPE_INIT_FUNCTIONS["longrope"](c, None, seq_len=original + 1)[0].tolist())
    ids = lambda v: [] if v is None else v if isinstance(v, list) else [v]
    return dict(num_key_value_heads=c.num_key_value_heads, head_dim=head_dim, max_position_embeddings=c.max_position_embeddings,
                rms_norm_eps=c.rms_norm_eps, sliding_window=window, tie_word_embeddings=c.tie_word_embeddings,
                bos_token_id=c.bos_token_id, eos_token_id=ids(c.eos_token_id),
                pad_token_id=None if c.pad_token_id == -1 else c.pad_token_id, rope_theta=rope["rope_theta"],
                rope_type=rope["rope_type"], inv_freq=rotary.inv_freq.tolist(), attention_factor=float(rotary.attention_scaling),
                beyond=beyond, rotated=[bool(x) for x in getattr(c, "no_rope_layers", None) or []],
                beta=rope.get("llama_4_scaling_beta"), beta_positions=rope.get("original_max_position_embeddings"))


entries = []
for name, kind, settings in cases():
    config = {"architectures": [CLASSES[kind]], "model_type": kind, **SIZES, **settings}
    with contextlib.redirect_stderr(io.StringIO()):
        entries.append({"name": name, "config": config, "resolved": resolved(kind, config)})
print("[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]")
