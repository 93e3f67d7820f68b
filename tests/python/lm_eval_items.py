"""Per-item log-likelihoods of EleutherAI's lm-evaluation-harness itself, for the test lm_eval_harness.

    python tests/python/lm_eval_items.py models/smollm2-bf16 ../shared/data 100 tests/golden/lm_eval_items.json

The harness's own task files are used; only their data are replaced, by the copies in DATA_FOLDER (the folder
that `idiolect eval --data` takes), for the harness reads them from the Hub. No worked examples, float32, CPU.
Made with lm_eval 0.4.13, transformers 5.23.0, torch 2.15.0.
"""

import json
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import lm_eval
from lm_eval.tasks import TaskManager

TASKS = Path(lm_eval.__file__).parent / "tasks"
# Our name of the task: its file in the harness, and its data.
SOURCES = {
    "arc_challenge": (TASKS / "arc/arc_challenge.yaml", "mc/ARC-Challenge-Test.jsonl"),
    "winogrande": (TASKS / "winogrande/default.yaml", "mc/winogrande_dev_converted.jsonl"),
}


def hub_layout(row):
    """A row of AI2's own files as the Hub has it; other rows as they are."""
    question = row.get("question")
    if not isinstance(question, dict):
        return row
    choices = {name: [one[name] for one in question["choices"]] for name in ("text", "label")}
    return {"id": row["id"], "question": question["stem"], "choices": choices, "answerKey": row["answerKey"]}


def task_file(folder, name, data):
    """The harness's task under another name, with the rows of a local file in every split."""
    yaml, source = SOURCES[name]
    rows = [hub_layout(json.loads(line)) for line in (data / source).read_text().splitlines()]
    local = folder / f"{name}.jsonl"
    local.write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = json.dumps({split: str(local) for split in ("train", "validation", "test")})
    text = f"include: {yaml}\ntask: local_{name}\ndataset_path: json\ndataset_name: null\n"
    (folder / f"{name}.yaml").write_text(text + f"dataset_kwargs:\n  data_files: {files}\n")


def main(model, data, items, out):
    # It needs torch, which whoever takes the task files from here does not.
    from lm_eval.models.huggingface import HFLM

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name in SOURCES:
            task_file(folder, name, Path(data))
        tasks = TaskManager(include_path=str(folder), include_defaults=False)
        lm = HFLM(pretrained=model, dtype="float32", device="cpu", batch_size=8)
        names = [f"local_{name}" for name in SOURCES]
        found = lm_eval.simple_evaluate(
            lm, tasks=names, num_fewshot=0, limit=items, log_samples=True, task_manager=tasks
        )
    golden = {name: version(name) for name in ("lm_eval", "transformers", "torch")}
    for name in SOURCES:
        samples = sorted(found["samples"][f"local_{name}"], key=lambda sample: sample["doc_id"])
        golden[name] = [
            {
                "row": sample["doc_id"],
                # Of each choice one answer: its log-likelihood, and whether it is the greedy one.
                "lls": [answers[0][0] for answers in sample["resps"]],
                "acc": sample["acc"],
                **({"acc_norm": sample["acc_norm"]} if "acc_norm" in sample else {}),
            }
            for sample in samples
        ]
        mean = sum(item["acc"] for item in golden[name]) / len(golden[name])
        print(f"{name}: {len(golden[name])} items, acc {mean:.4f}", file=sys.stderr)
    Path(out).write_text(json.dumps(golden, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
