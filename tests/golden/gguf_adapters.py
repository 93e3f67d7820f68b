"""The adapters of classes/ as GGUF files, by llama.cpp's own converter.

Usage: python gguf_adapters.py CONVERTER
CONVERTER is convert_lora_to_gguf.py of llama.cpp, March 2026, with what lies beside it there; it needs torch,
transformers 5.24 and safetensors. Each classes/CASE/peft/adapter_final becomes classes/CASE/peft/adapter.gguf.
DoRA and modules trained whole have no place in such a file, and of cases that differ in nothing else one is enough.
"""
import subprocess
import sys
from pathlib import Path

CLASSES = Path(__file__).parent / "classes"
CASES = ["granite", "llama-mlp-bias", "ministral3", "mistral-yarn", "mistral3", "mistral3-memory-names", "qwen2", "qwen3",
         "smollm3"]


def convert(converter, case):
    folder = CLASSES / case / "peft"
    out = folder / "adapter.gguf"
    command = [sys.executable, converter, "--base", CLASSES / case, "--outfile", out, folder / "adapter_final"]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    for case in CASES:
        convert(sys.argv[1], case)
