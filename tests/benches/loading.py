#!/usr/bin/env python3
"""Reads the weights of a folder with safetensors: python loading.py MODEL bf16|f32

Needs torch and safetensors. The side of loading.rs that is not ours. `load_file` maps the file into memory and reads
nothing, so each tensor is copied or widened, which is what a model does with it. Prints a JSON object.
"""
import json
import resource
import sys
import time

import torch
from safetensors.torch import load_file

torch.set_num_threads(2)
path, dtype = sys.argv[1] + "/model.safetensors", sys.argv[2]


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


before, began = peak(), time.perf_counter()
mapped = load_file(path)
held = {name: x.clone() if dtype == "bf16" else x.float() for name, x in mapped.items()}
seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "peak_mib": peak() - before, "tensors": len(held)}))
