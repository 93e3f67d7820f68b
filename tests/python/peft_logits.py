#!/usr/bin/env python3
"""Logits of PEFT for an adapter folder: python peft_logits.py MODEL ADAPTER IDS.json OUT.safetensors

Needs torch, transformers, peft and safetensors. IDS.json holds one list of token ids.
The model is resized to the rows of an embedding that the adapter brings.
"""
import json
import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

model, adapter, ids, out = sys.argv[1:]
base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
words = load_file(f"{adapter}/adapter_model.safetensors").get("base_model.model.model.embed_tokens.weight")
if words is not None and len(words) != base.config.vocab_size:
    base.resize_token_embeddings(len(words), mean_resizing=False)
tuned = PeftModel.from_pretrained(base, adapter).eval()
with torch.no_grad():
    logits = tuned(input_ids=torch.tensor([json.load(open(ids))])).logits[0]
save_file({"logits": logits.contiguous()}, out)
