"""How far the recorded values of the shared oracles move where every product rounds what it reads to TF32.

`python tests/python/tf32.py ../shared [MODEL]` with torch, transformers and peft; MODEL is the folder of SmolLM2 that
`cargo xtask fetch smollm2-folder` writes. It prints the largest difference of each kind over all tiny checkpoints,
rounded to nearest (as `cvt.rna` does) and cut (as a tensor core reads f32 that nobody has rounded): the source of the
bounds that the parity suite has on CUDA (`idiolect_testkit::bound`).
"""
import json
import pathlib
import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import AutoModelForCausalLM

shared = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(shared / "tools"))
import make_peft_oracles  # noqa: E402

OPERATIONS = torch.ops.aten
PRODUCTS = {OPERATIONS.mm.default: 0, OPERATIONS.bmm.default: 0,
            OPERATIONS.addmm.default: 1, OPERATIONS.baddbmm.default: 1}
# A class that transformers loads by another door; its text model is Ministral's.
WRAPPED = "tiny-mistral3-wrapper"


class Tf32(TorchDispatchMode):
    """Rounds both sides of each product to ten bits of mantissa."""

    def __init__(self, nearest):
        super().__init__()
        self.half = 0x1000 if nearest else 0

    def rounded(self, x):
        bits = x.contiguous().view(torch.int32) + self.half
        return (bits & ~0x1FFF).view(torch.float32)

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        first = PRODUCTS.get(operation)
        if first is not None and args[first].dtype == torch.float32:
            args = (*args[:first], *(self.rounded(x) for x in args[first:first + 2]), *args[first + 2:])
        return operation(*args, **(kwargs or {}))


def model(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")


def furthest(found, recorded):
    return (found - recorded).abs().max().item()


def decoder(folder):
    """Hidden states, logits, loss and gradient norms of a tiny checkpoint."""
    oracle, told = load_file(folder / "oracle.safetensors"), json.loads((folder / "oracle.json").read_text())
    net, mask = model(folder).eval(), oracle["right_attention_mask"].bool()
    out = net(input_ids=oracle["right_input_ids"], attention_mask=oracle["right_attention_mask"],
              labels=oracle["right_labels"], output_hidden_states=True)
    out.loss.backward()
    norms = {name: p.grad.norm().item() for name, p in net.named_parameters() if p.grad is not None}
    states = zip(out.hidden_states, oracle["right_hidden_states"])
    return {
        "hidden": max(furthest(a[mask], b[mask]) for a, b in states),
        "logits": furthest(out.logits[mask], oracle["right_logits"][mask]),
        "loss, relative": abs(out.loss.item() - told["loss_mean"]) / told["loss_mean"],
        "gradient norms, relative": max(abs(norms[n] - v) / v for n, v in told["grad_norms"].items() if n in norms),
    }


def trained(base, start, end, data, trace):
    """A recorded run of PEFT from the same start."""
    lora = PeftModel.from_pretrained(model(base), start, is_trainable=True)
    params = [p for p in lora.parameters() if p.requires_grad]
    make_peft_oracles.STEPS, make_peft_oracles.B = len(trace["loss"]), data["train_input_ids"].shape[1]
    schedule, optimizer = trace.get("schedule", {}), trace.get("optimizer", {})
    losses, norms, _, first = make_peft_oracles.train(
        lora, params, data, optimizer.get("lr", trace["lr"][0]), optimizer.get("weight_decay", 0.0),
        schedule.get("warmup_steps", 0), trace.get("accumulation", 1), trace["clip"])
    last, ours = PeftModel.from_pretrained(model(base), end, is_trainable=True), dict(lora.named_parameters())
    weights = torch.cat([(ours[n] - p).abs().flatten() for n, p in last.named_parameters() if p.requires_grad])
    found = {
        "training: loss": max(abs(a - b) for a, b in zip(losses, trace["loss"])),
        "training: gradient norm, relative": max(abs(a - b) / b for a, b in zip(norms, trace["grad_norm"])),
        "training: weights, largest": weights.max().item(),
        "training: weights, mean": weights.mean().item(),
    }
    return found, first


def tiny(year):
    """Every checkpoint and every run of one folder of the oracles."""
    data = load_file(shared / "oracles/peft/batches.safetensors")
    for folder in sorted((shared / f"oracles/tiny{year}").glob("*/oracle.json")):
        if folder.parent.name != WRAPPED:
            yield decoder(folder.parent)
    for path in sorted((shared / f"oracles/peft{year}").glob("*/*/trace.json")):
        run, name = path.parent, path.parent.parent.name
        if name == WRAPPED:
            continue
        found, first = trained(shared / f"oracles/tiny{year}" / name, run / "adapter_init", run / "adapter_final", data,
                               json.loads(path.read_text()))
        recorded = load_file(run / "eval.safetensors")
        yield found | {"first gradients": max(furthest(first[n], recorded[n]) for n in first if n in recorded)}


def smollm2(folder):
    """Eight recorded steps, and the last logits of the recorded prompts."""
    told = json.loads((shared / "oracles/smollm2/oracle.json").read_text())
    oracle = load_file(shared / "oracles/smollm2/oracle.safetensors")
    place, net = shared / "oracles/smollm2", model(folder).eval()
    found, _ = trained(folder, place / "adapter_init", place / "adapter_final", oracle, told["lora"])
    with torch.no_grad():
        last = [net(torch.tensor([row["ids"]])).logits[0, -1] for row in told["generation"]]
    yield found | {"logits": max(furthest(x, oracle[f"last_logits_{i}"]) for i, x in enumerate(last))}


def report(title, parts):
    worst = {}
    for part in parts:
        for kind, off in part.items():
            worst[kind] = max(worst.get(kind, 0.0), off)
    for kind, off in worst.items():
        print(f"{title:28} {kind:36} {off:.2e}", flush=True)


for title, rounding in [("nearest", True), ("cut", False)]:
    with Tf32(rounding):
        report(f"{title}, tiny", (part for year in ("", "-2026") for part in tiny(year)))
        if len(sys.argv) > 2:
            report(f"{title}, SmolLM2", smollm2(sys.argv[2]))
