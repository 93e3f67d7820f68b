"""Forgetting of SmolLM2 by PyTorch: the base model's answers under both models, the divergence over the whole
vocabulary along them, and the loss on plain text by PEFT's procedure.

    python3 make.py MODEL ADAPTER ANSWERS

MODEL is the bf16 folder of SmolLM2-135M-Instruct, ADAPTER a PEFT folder for it, ANSWERS a journal that
idiolect-forgetting wrote (`forgetting.jsonl`). Needs torch 2.15.0, transformers 5.24.0 and peft 0.21.2; writes
smollm2.json beside itself. Everything is computed in float32.

The plain texts go through a procedure of the same steps as calculate_mean_per_token_loss of PEFT's method comparison
(method_comparison/MetaMathQA/run.py): the tokenizer with its special tokens, cut to 768, padded on the left, and the
mean over all tokens of all texts.
"""

import json
import pathlib
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

here = pathlib.Path(__file__).parent
PROMPTS, TEXTS = 24, 8
folder, adapter, journal = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(folder)
base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
tuned = PeftModel.from_pretrained(base, adapter)
tuned.eval()


@torch.inference_mode()
def logits(ids, **more):
    before = None
    with tuned.disable_adapter():
        before = tuned(input_ids=ids, **more).logits
    return before, tuned(input_ids=ids, **more).logits


def answer(row):
    ids = torch.tensor([row["prompt"] + row["ids"]])
    places = slice(len(row["prompt"]) - 1, ids.shape[1] - 1)
    target = ids[0, len(row["prompt"]) :, None]
    before, after = (torch.log_softmax(x[0, places].double(), -1) for x in logits(ids))
    divergence = (before.exp() * (before - after)).sum()
    nll = [-x.gather(1, target).sum().item() for x in (before, after)]
    return {"id": row["id"], "tokens": len(row["ids"]), "before": nll[0], "after": nll[1], "kl": divergence.item()}


def plain_text(texts, rows_together=4, longest=768):
    losses = [[], []]
    texts = texts[:TEXTS]
    for start in range(0, len(texts), rows_together):
        batch = tokenizer(texts[start : start + rows_together], truncation=True, max_length=longest)
        batch = tokenizer.pad(batch, return_tensors="pt", padding_side="left")
        for found, all_logits in zip(losses, logits(batch["input_ids"], attention_mask=batch["attention_mask"])):
            for row, ids, mask in zip(all_logits, batch["input_ids"], batch["attention_mask"]):
                own = int(mask.sum())
                found.append(torch.nn.functional.cross_entropy(row[-own:-1], ids[-own + 1 :], reduction="none"))
    before, after = (torch.cat(found) for found in losses)
    return {"tokens": len(before), "before": before.mean().item(), "after": after.mean().item()}


rows = [json.loads(line) for line in open(journal, encoding="utf-8")]
lines = (here / "../../prompts/texts.jsonl").read_text(encoding="utf-8").splitlines()
result = {
    "answers": [answer(row) for row in rows[:PROMPTS]],
    "plain_text": plain_text([json.loads(line)["text"] for line in lines]),
}
(here / "smollm2.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
