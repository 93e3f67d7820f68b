#!/usr/bin/env python3
"""Golden values of PEFT: dropout under a given mask with and without DoRA, biases, PiSSA, OLoRA, and which modules options choose.

Usage: python make.py        writes factors.json and places.json beside this file
Needs torch, transformers and peft. One thread, f32.
"""
import json, os
import peft, torch, transformers
from peft import LoraConfig, get_peft_model

SEED, INPUT, OUTPUT, RANK = 5, 12, 8, 3
# What the hashes of dropout are below.
PRIME = 46337
HERE = os.path.dirname(os.path.abspath(__file__))
ABOUT = {"generator": "make.py", "seed": SEED, "versions": {"torch": torch.__version__, "peft": peft.__version__, "transformers": transformers.__version__}}


class One(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj = torch.nn.Linear(INPUT, OUTPUT, bias=False)

    def forward(self, x):
        return self.q_proj(x)


class Masked(torch.nn.Module):
    """Dropout whose mask is that of idiolect_kernels::Dropout: by two numbers for each token and each channel."""

    def __init__(self, share, tokens, channels):
        super().__init__()
        (a, c), (b, d) = tokens, channels
        limit = round(share * PRIME)
        kept = (a[:, None] * b + c[:, None] + d) % PRIME >= limit
        self.mask = (kept.double() * PRIME / (PRIME - limit)).float().reshape(2, 3, INPUT)

    def forward(self, x):
        return x * self.mask


def flat(tensor):
    # Nine digits say all of an f32.
    return [float(f"{value:.9g}") for value in tensor.detach().flatten().tolist()]


def adapted(**options):
    torch.manual_seed(SEED)
    model = One()
    weight = model.q_proj.weight.detach().clone()
    config = LoraConfig(r=RANK, lora_alpha=6, target_modules=["q_proj"], **options)
    return get_peft_model(model, config), weight


def randomize(layer, generator):
    for part in (layer.lora_A, layer.lora_B):
        weight = part["default"].weight
        weight.data = torch.randn(weight.shape, generator=generator) * 0.4


def case(dora, share, bias=False):
    generator = torch.Generator().manual_seed(SEED)
    model, weight = adapted(use_dora=dora, lora_dropout=share, lora_bias=bias)
    layer = model.base_model.model.q_proj
    randomize(layer, generator)
    x = torch.randn(2, 3, INPUT, generator=generator, requires_grad=True)
    keys = [torch.randint(PRIME, (2, length), generator=generator) for length in (2 * 3, INPUT)]
    if share:
        layer.lora_dropout["default"] = Masked(share, *keys)
    parts = {"a": layer.lora_A["default"].weight, "b": layer.lora_B["default"].weight}
    if dora:
        magnitude = layer.lora_magnitude_vector["default"].weight
        magnitude.data = magnitude.data * (0.8 + 0.4 * torch.rand(magnitude.shape, generator=generator))
        parts["magnitude"] = magnitude
    if bias:
        parts["bias"] = layer.lora_B["default"].bias
        parts["bias"].data = torch.randn(OUTPUT, generator=generator) * 0.4
    seed = torch.randn(2, 3, OUTPUT, generator=generator)
    model.train()
    y = model(x)
    (y * seed).sum().backward()
    turned = lambda t: flat(t.T if t.dim() == 2 else t)
    return {
        "dora": dora, "share": share, "bias": bias, "scale": layer.scaling["default"],
        "weight": turned(weight), "x": flat(x), "keys": [key.tolist() for key in keys], "seed": flat(seed),
        "parts": {name: turned(part) for name, part in parts.items()},
        "y": flat(y), "x_gradient": flat(x.grad),
        "gradients": {name: turned(part.grad) for name, part in parts.items()},
    }


def cut_out(init):
    generator = torch.Generator().manual_seed(SEED + 1)
    model, weight = adapted(init_lora_weights=init)
    layer = model.base_model.model.q_proj
    start = layer.scaling["default"] * layer.lora_B["default"].weight @ layer.lora_A["default"].weight
    x = torch.randn(2, 3, INPUT, generator=generator)
    at_start = model(x)
    randomize(layer, generator)
    return {
        "weight": flat(weight.T), "principal": flat(start.T), "x": flat(x), "y_start": flat(at_start),
        "a": flat(layer.lora_A["default"].weight.T), "b": flat(layer.lora_B["default"].weight.T), "y": flat(model(x)),
    }


CHOICES = {
    "names": dict(target_modules=["q_proj", "down_proj"]),
    "paths": dict(target_modules=["layers.1.self_attn.q_proj", "mlp.up_proj"]),
    "expression": dict(target_modules=r".*\.layers\.[02]\.self_attn\.(q|v)_proj"),
    "all": dict(target_modules="all-linear"),
    "blocks": dict(target_modules=["v_proj", "k_proj"], layers_to_transform=[0, 2]),
    "one_block": dict(target_modules=["v_proj"], layers_to_transform=1, layers_pattern="layers"),
    "ranks": dict(
        target_modules=["q_proj", "v_proj", "up_proj"],
        rank_pattern={"layers.0.self_attn.q_proj": 2, "q_proj": 16, "mlp.*": 1},
        alpha_pattern={r"model.layers.\d+.self_attn.v_proj": 5.5},
    ),
    "stabilized": dict(target_modules=["q_proj", "v_proj"], use_rslora=True, rank_pattern={"v_proj": 9}),
    "gaussian": dict(target_modules=["q_proj"], init_lora_weights="gaussian", lora_dropout=0.25, use_dora=True),
}


def chosen(options):
    sizes = dict(hidden_size=64, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, intermediate_size=128, vocab_size=384)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes))
    model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, task_type="CAUSAL_LM", **options))
    places = {
        name.removeprefix("base_model.model."): [module.r["default"], module.scaling["default"]]
        for name, module in model.named_modules() if hasattr(module, "lora_A")
    }
    config = model.peft_config["default"].to_dict()
    plain = lambda value: sorted(value) if isinstance(value, set) else getattr(value, "value", value)
    return {"config": {name: plain(value) for name, value in config.items() if name != "runtime_config"}, "places": places}


def write(name, value):
    with open(os.path.join(HERE, name), "w") as file:
        json.dump({**ABOUT, **value}, file)
        file.write("\n")


torch.set_num_threads(1)
write("factors.json", {
    "tolerance": 2e-6, "input": INPUT, "output": OUTPUT, "rank": RANK,
    "cases": [case(dora, share) for dora in (False, True) for share in (0.0, 0.3)] + [case(False, 0.3, bias=True)],
    "pissa": cut_out("pissa"), "olora": cut_out("olora"),
})
write("places.json", {"cases": {name: chosen(options) for name, options in CHOICES.items()}})
