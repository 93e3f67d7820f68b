"""200 drawn batches of groups as TRL 1.16's SDPO trainer reprompts them.

python groups.py TOOLS_DIR OUT.json   (trl 1.16.0, torch 2.15.0, transformers 5.24.0, datasets 5.2.0)

TOOLS_DIR has make_onpolicy_oracles.py, whose `run_group` calls TRL's own methods; what it works out by itself beside
them must agree. Kept of each: rewards, texts, feedback, options; masks, demonstrations, feedback used, teacher prompts.
"""
import json
import random
import sys

KEPT = ["name", "num_generations", "prompts", "rewards", "completions", "feedback", "args", "self_distillation_mask",
        "demonstration_row", "feedback_used", "teacher_prompts"]


def drawn(at):
    draw = random.Random(at)
    groups, size = draw.choice([1, 2, 3]), draw.choice([2, 3, 4])
    answer = lambda: draw.choice(["", "<think>hm 2</think>", "<think>a</think> ok "]) + draw.choice("0123456789") + draw.choice(["", " i think", "."])
    said = lambda: draw.choice([None, "", "  ", "too high", "expected 5"])
    rows = groups * size
    flag = lambda: draw.random() < 0.5
    args = {}
    if flag():
        args["include_environment_feedback"] = True
        if flag():
            args["environment_feedback_only_without_solution"] = True
    if draw.random() < 0.3:
        args["dont_reprompt_on_self_success"] = False
    if flag():
        args["remove_thinking_from_demonstration"] = True
    return {"name": f"drawn_{at}", "seed": at, "num_generations": size,
            "prompts": [f"what is {draw.randrange(9)}+{draw.randrange(9)}?" for _ in range(groups)],
            "rewards": [draw.choice([0.0, 0.0, 0.5, 1.0, 1.5]) for _ in range(rows)],
            "completions": [answer() for _ in range(rows)],
            "feedback": [said() for _ in range(rows)] if flag() else None, "args": args}


def main(tools, out):
    sys.path.insert(0, tools)
    import make_onpolicy_oracles as trl
    cases = []
    for at in range(200):
        found, _ = trl.run_group(drawn(at))
        assert found["check"]["mask"] == 0 and found["check"]["texts_that_differ"] == 0, found
        cases.append({key: found[key] for key in KEPT})
    with open(out, "w") as file:
        json.dump(cases, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
