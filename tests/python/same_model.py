#!/usr/bin/env python3
"""What transformers and PEFT make of folders that we wrote: python same_model.py JOBS.json

Needs torch, transformers, peft and safetensors. JOBS.json is a list of objects with
  before, after    folders of the same model, which must have the same configuration key by key and the same logits
  adapter          an adapter folder (may be null): it must load with no missing and no unexpected key
  ids, logits      token ids, and a file for the logits with the adapter (safetensors, `logits`)
"""
import json
import sys
import warnings

import torch
from peft import PeftModel
from peft.utils import load_peft_weights
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig, Mistral3ForConditionalGeneration

warnings.filterwarnings("ignore")
OWN = {"transformers_version", "dtype", "_name_or_path", "architectures"}


def settings(folder):
    return {k: v for k, v in AutoConfig.from_pretrained(folder).to_dict().items() if k not in OWN}


def load(folder):
    wrapped = AutoConfig.from_pretrained(folder).model_type == "mistral3"
    cls = Mistral3ForConditionalGeneration if wrapped else AutoModelForCausalLM
    model, info = cls.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    problems = {k: v for k, v in info.items() if v}
    assert not problems, (folder, problems)
    return model.eval()


def differences(before, after, path=""):
    for key in sorted(set(before) | set(after)):
        a, b = before.get(key, "absent"), after.get(key, "absent")
        if isinstance(a, dict) and isinstance(b, dict):
            yield from differences(a, b, f"{path}{key}.")
        elif a != b and key not in OWN:
            yield f"{path}{key}: {a} {b}"


def main(jobs):
    for job in json.load(open(jobs)):
        before, after = job["before"], job["after"]
        found = [one for one in differences(settings(before), settings(after)) if one not in job["known"]]
        assert not found, (before, found)
        generation = [GenerationConfig.from_pretrained(folder).to_dict() for folder in (before, after)]
        found = list(differences(*generation))
        assert not found, (before, found)
        ids = torch.tensor([job["ids"]])
        with torch.no_grad():
            first, model = load(before), load(after)
            assert torch.equal(first(input_ids=ids).logits, model(input_ids=ids).logits), before
            tuned = PeftModel.from_pretrained(model, job["adapter"]).eval()
            own = {k.replace(".default", "") for k in tuned.state_dict() if "lora_" in k}
            own = {k.removesuffix(".weight") if "magnitude" in k else k for k in own}
            stored = {k for k in load_peft_weights(job["adapter"]) if "lora_" in k}
            assert own == stored, (before, own ^ stored)
            save_file({"logits": tuned(input_ids=ids).logits[0].contiguous()}, job["logits"])
        print("same", before, flush=True)


main(sys.argv[1])
