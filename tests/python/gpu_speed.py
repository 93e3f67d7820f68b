#!/usr/bin/env python3
"""The cases of tests/tests/speed with transformers and PEFT: python gpu_speed.py SHAPE [CASE ...]

Needs torch, transformers and peft. SHAPE is tiny, small, llama2-7b or llama3-8b; weights are random, made on the
device (a GPU where torch has one): bf16 and f32 adapters there, f32 on a CPU for the tiny shape. Each case runs in
a process of its own and prints one line of JSON. Attention is torch's own (sdpa). A case that runs out of memory
prints its error.
"""
import json
import os
import statistics
import subprocess
import sys
import time

# Vocabulary, hidden width, feed-forward width, blocks, heads, key heads, base of the rotary frequencies;
# rows and tokens of a step; tokens of a prompt and of what follows; repeats.
SHAPES = {
    "tiny": ((256, 64, 96, 2, 4, 2, 1e4), (2, 32), (16, 8), 2),
    "small": ((32000, 512, 1408, 4, 8, 8, 1e4), (8, 256), (512, 128), 5),
    "llama2-7b": ((32000, 4096, 11008, 32, 32, 32, 1e4), (8, 1024), (512, 128), 5),
    "llama3-8b": ((128256, 4096, 14336, 32, 32, 8, 5e5), (8, 1024), (512, 128), 5),
}
CASES = ["step_qv_blocks", "step_qv_whole", "step_all_blocks", "step_all_whole",
         "generate_1", "generate_8", "generate_32"]
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
PEAKS = [("H200", 989.0), ("H100 PCIe", 756.0), ("H100", 989.0), ("A100", 312.0)]


def peak_tflops(torch):
    """As the Rust side knows it: given, or by a part of the device's name."""
    if "IDIOLECT_PEAK_TFLOPS" in os.environ:
        return float(os.environ["IDIOLECT_PEAK_TFLOPS"])
    name = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
    return next((peak for part, peak in PEAKS if part in name), None)


def flops_per_token(sizes, tokens):
    """4 n + 12 s w l, as tests/tests/speed/shape.rs says."""
    vocab, hidden, wide, layers, heads, kv_heads, _ = sizes
    kv = hidden // heads * kv_heads
    weights = layers * (2 * hidden * hidden + 2 * hidden * kv + 3 * hidden * wide) + hidden * vocab
    return 4 * weights + 12 * tokens * hidden * layers


def worker(shape, case):
    import resource

    import peft
    import torch
    import transformers

    sizes, (rows, tokens), (prompt, new), repeats = SHAPES[shape]
    vocab, hidden, wide, layers, heads, kv_heads, theta = sizes
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.float32 if shape == "tiny" else torch.bfloat16
    config = transformers.LlamaConfig(
        vocab_size=vocab, hidden_size=hidden, intermediate_size=wide, num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=kv_heads, max_position_embeddings=4096,
        rms_norm_eps=1e-5, rope_theta=theta, tie_word_embeddings=False, attn_implementation="sdpa")
    torch.manual_seed(0)
    torch.set_default_dtype(dtype)
    with torch.device(device):
        model = transformers.AutoModelForCausalLM.from_config(config)
    torch.set_default_dtype(torch.float32)
    model.eval()
    draw = lambda rows, tokens: torch.randint(0, vocab, (rows, tokens), device=device)
    loss = None

    if case.startswith("step"):
        targets = ALL if "_all_" in case else ["q_proj", "v_proj"]
        lora = peft.LoraConfig(r=8, lora_alpha=16, lora_dropout=0.0, task_type="CAUSAL_LM", target_modules=targets)
        # PEFT keeps adapters of a bf16 base in f32.
        model = peft.get_peft_model(model, lora)
        if case.endswith("_blocks"):
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
            model.enable_input_require_grads()
        model.train()
        trained = [p for p in model.parameters() if p.requires_grad]
        assert all(p.dtype == torch.float32 for p in trained), {p.dtype for p in trained}
        optimizer = torch.optim.AdamW(trained, lr=1e-4)

        def once():
            nonlocal loss
            ids = draw(rows, tokens)
            with torch.autocast(device, torch.bfloat16, enabled=dtype == torch.bfloat16):
                loss = model(input_ids=ids, labels=ids).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            optimizer.zero_grad()
        count = rows * tokens
    else:
        rows = int(case.split("_")[1])

        @torch.no_grad()
        def once():
            ids = draw(rows, prompt)
            out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=new,
                                 min_new_tokens=new, do_sample=False, eos_token_id=None, pad_token_id=0)
            assert out.shape[1] == prompt + new, out.shape
        count = rows * new

    def timed():
        began = time.perf_counter()
        once()
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - began

    first = timed()
    seconds = sorted(timed() for _ in range(repeats))
    rate = count / statistics.median(seconds)
    row = {"case": case, "shape": shape, "dtype": str(dtype), "device": device, "rows": rows,
           "tokens_per_second": rate, "seconds": seconds, "first_second": first,
           "peak_mib": {"gpu": torch.cuda.max_memory_reserved() >> 20 if device == "cuda" else None,
                        "process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10},
           "versions": {m.__name__: m.__version__ for m in (torch, transformers, peft)}}
    if loss is not None:
        tflops = rate * flops_per_token(sizes, tokens) / 1e12
        peak = peak_tflops(torch)
        row |= {"tokens": tokens, "tflops": tflops, "flop_utilisation": peak and tflops / peak, "loss": loss.item()}
    print(json.dumps(row), flush=True)


def main():
    if sys.argv[1] == "--worker":
        return worker(*sys.argv[2:])
    shape, *cases = sys.argv[1:]
    failed = False
    for case in cases or CASES:
        done = subprocess.run([sys.executable, __file__, "--worker", shape, case], stdout=subprocess.PIPE, text=True)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        failed |= not lines
        print(lines[-1] if lines else json.dumps({"case": case, "shape": shape, "error": done.returncode}), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
