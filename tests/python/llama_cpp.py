"""What llama.cpp makes of GGUF files: greedy tokens, and the likeliest tokens at each of them.

Usage: python llama_cpp.py JOBS OUT
Needs xllamacpp. JOBS is a JSON list of {"model", "lora" (or null), "ids", "tokens", "top"}; OUT becomes a list of lists of
{"id", "top": [[id, log-probability], ...]}. The cache is kept in f32, so that nothing but the file differs.
"""
import json
import sys

import xllamacpp as x


def server(job):
    params = x.CommonParams()
    params.model.path = job["model"]
    params.n_ctx, params.n_parallel, params.n_gpu_layers, params.warmup, params.fit_params = 512, 1, 0, False, False
    params.cache_type_k = params.cache_type_v = x.ggml_type.GGML_TYPE_F32
    params.flash_attn_type = x.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.cpuparams.n_threads = 2
    if job["lora"]:
        params.lora_adapters = [x.CommonAdapterLoraInfo(job["lora"], 1.0)]
    return x.Server(params)


def answer(job):
    made = server(job).handle_completions({
        "prompt": job["ids"], "n_predict": job["tokens"], "temperature": 0, "samplers": ["temperature"],
        "n_probs": job["top"], "cache_prompt": False, "ignore_eos": True})
    # A token whose text is a part of a character stands in none of them.
    tokens = (made["choices"][0]["logprobs"] or {"content": []})["content"]
    return [{"id": one["id"], "top": [[top["id"], top["logprob"]] for top in one["top_logprobs"]]} for one in tokens]


def main(jobs, out):
    with open(jobs, encoding="utf-8") as f:
        answers = [answer(job) for job in json.load(f)]
    with open(out, "w", encoding="utf-8") as f:
        json.dump(answers, f)


main(*sys.argv[1:])
