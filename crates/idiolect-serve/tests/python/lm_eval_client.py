"""lm-evaluation-harness' `local-completions` client against a server that runs, item by item against `idiolect eval`.

    idiolect eval --model M --task arc_challenge --data ../shared/data --limit 100 --out runs/own
    idiolect serve --model M --port 8000
    python crates/idiolect-serve/tests/python/lm_eval_client.py http://127.0.0.1:8000/v1 models/smollm2-bf16 \
        ../shared/data 100 runs/own

The tokenizer is that of the second argument. The harness's own task file is used; its data are the copies in the third,
for the harness reads them from the Hub. Run with lm_eval 0.4.13, transformers 5.23.0.
"""

import importlib.util
import json
import os
import sys
import tempfile
import urllib.request
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import lm_eval
from lm_eval.tasks import TaskManager

TASK = "arc_challenge"
ITEMS = Path(__file__).resolve().parents[4] / "tests/python/lm_eval_items.py"


def task_file():
    """How the other check of the harness writes its task files."""
    spec = importlib.util.spec_from_file_location("lm_eval_items", ITEMS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.task_file


def harness(address, tokenizer, data, items):
    with tempfile.TemporaryDirectory() as scratch:
        task_file()(Path(scratch), TASK, Path(data))
        tasks = TaskManager(include_path=scratch, include_defaults=False)
        settings = f"base_url={address}/completions,model={served(address)},tokenizer={tokenizer}"
        settings += ",tokenizer_backend=huggingface,num_concurrent=4,max_retries=1"
        found = lm_eval.simple_evaluate(
            "local-completions", model_args=settings,
            tasks=[f"local_{TASK}"], num_fewshot=0, limit=items, batch_size=8, log_samples=True, task_manager=tasks,
        )
    return sorted(found["samples"][f"local_{TASK}"], key=lambda sample: sample["doc_id"])


def served(address):
    with urllib.request.urlopen(f"{address}/models") as answer:
        return json.load(answer)["data"][0]["id"]


def main(address, tokenizer, data, items, own):
    theirs = harness(address, tokenizer, data, items)
    ours = [json.loads(line) for line in (Path(own) / "rows.jsonl").read_text().splitlines()]
    assert len(theirs) == len(ours) == items, (len(theirs), len(ours))
    largest, right = 0.0, 0
    for sample, row in zip(theirs, ours):
        lls = [answers[0][0] for answers in sample["resps"]]
        own = [one["log_likelihood"] for one in row["likelihoods"]]
        assert len(lls) == len(own)
        largest = max(largest, *(abs(a - b) for a, b in zip(lls, own)))
        for name in ("acc", "acc_norm"):
            assert sample[name] == row[name], (sample["doc_id"], name, lls, row)
        right += sample["acc"]
    print(f"{TASK}: {items} items, acc and acc_norm equal on each, {right:.0f} right by acc; "
          f"largest difference of a log-likelihood {largest:.1e} nats")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
