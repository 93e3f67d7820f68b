"""Reference of on-policy self-distillation: 20 steps of a tiny Llama in PyTorch, whose samples the test is given too.

python reference.py TINY_DIR PEFT_DIR OUT_DIR   (torch 2.15.0, transformers 5.24.0, peft 0.21.2)

TINY_DIR is oracles/tiny/tiny-llama3, PEFT_DIR oracles/peft/tiny-llama3/qv/adapter_init: LoRA on queries and values,
where the runs start. Each step draws an answer to each of four prompts from the student at temperature 1, cuts some of
them short, and makes one AdamW step (or two on the same answers) on the mean over answers of the mean divergence of
their tokens behind the first three. The teacher sees the demonstration in the context of arXiv 2601.19897.
OUT_DIR gets trace.json (prompts, samples, losses, gradient norms, divergences of each step and run) and NAME.safetensors
(the factors at the end of each run, by PEFT's names).
The losses here are plain autograd on whole logits; nothing of the tested program takes part.
"""
import json
import math
import sys

import torch
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

WORDS = ["red", "blue", "green", "one", "two", "three", "cat", "dog"]
STEPS, PROMPTS, SKIP, NEW, RATE = 20, 4, 3, 10, 2e-3
RUNS = {
    "off": {"teacher": "off", "divergence": "forward-kl"},
    "live": {"teacher": "live", "divergence": "js", "support": "student-top-k", "top": 20, "tail": True},
    "ema": {"teacher": "ema", "rate": 0.1, "divergence": "reverse-kl"},
    "twice": {"teacher": "off", "divergence": "forward-kl", "updates": 2, "clip": 1.05, "support": "teacher-top-k", "top": 30},
}


def prompts(tokenizer):
    context = ("{}\n\nThis is an example for a response to the question:\n{}\n\n"
               "Now answer with a response of your own, including the thinking process.")
    rows = []
    for word in WORDS:
        question, answer = f"Say {word}.", f"{word} it is"
        ids = lambda text: tokenizer.apply_chat_template(
            [{"role": "user", "content": text}], add_generation_prompt=True, return_dict=True)["input_ids"]
        rows.append({"instruction": question, "output": answer, "student": ids(question),
                     "teacher": ids(context.format(question, answer))})
    return rows


def logits(model, prompt, answer):
    """Logits that predict the answer's tokens."""
    ids = torch.tensor([prompt + answer])
    return model(input_ids=ids).logits[0, len(prompt) - 1:-1]


def draw(model, prompt, generator):
    answer = []
    with torch.no_grad():
        for _ in range(NEW):
            last = model(input_ids=torch.tensor([prompt + answer])).logits[0, -1]
            answer.append(int(torch.multinomial(torch.softmax(last, -1), 1, generator=generator)))
            if answer[-1] == 2:
                break
    return answer


def categories(log_p, log_q, run):
    """Log-probabilities of student and teacher over the support."""
    kind = run.get("support", "full")
    if kind == "full":
        return log_p, log_q
    by = log_p if kind == "student-top-k" else log_q
    ids = by.topk(run["top"], -1).indices
    p, q = log_p.gather(-1, ids), log_q.gather(-1, ids)
    if not run.get("tail"):
        return p.log_softmax(-1), q.log_softmax(-1)
    rest = lambda kept: torch.log(-torch.expm1(kept.logsumexp(-1, keepdim=True).clamp(max=-1e-7)))
    return torch.cat([p, rest(p)], -1), torch.cat([q, rest(q)], -1)


def divergence(log_p, log_q, kind):
    p, q = log_p.exp(), log_q.exp()
    if kind == "forward-kl":
        return (q * (log_q - log_p)).sum(-1)
    if kind == "reverse-kl":
        return (p * (log_p - log_q)).sum(-1)
    log_m = torch.logaddexp(log_p, log_q) - math.log(2)
    return 0.5 * (q * (log_q - log_m)).sum(-1) + 0.5 * (p * (log_p - log_m)).sum(-1)


def factors(model):
    return {name: value for name, value in model.named_parameters() if "lora_" in name}


def with_factors(model, values):
    """What `values` is called with the model's factors replaced by others for a while."""
    def call(do):
        own = {name: value.data for name, value in factors(model).items()}
        for name, value in factors(model).items():
            value.data = values[name]
        try:
            return do()
        finally:
            for name, value in factors(model).items():
                value.data = own[name]
    return call


def teacher_logits(model, run, average, prompt, answer):
    with torch.no_grad():
        if run["teacher"] == "off":
            with model.disable_adapter():
                return logits(model, prompt, answer)
        if run["teacher"] == "live":
            return logits(model, prompt, answer)
        return with_factors(model, average)(lambda: logits(model, prompt, answer))


def train(tiny, start, rows, run, seed):
    torch.manual_seed(0)
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny), start, is_trainable=True).eval()
    generator = torch.Generator().manual_seed(seed)
    parameters = list(factors(model).values())
    optimizer = torch.optim.AdamW(parameters, lr=RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    average = {name: value.data.clone() for name, value in factors(model).items()}
    updates, trace = run.get("updates", 1), []
    for step in range(STEPS):
        if step % updates == 0:
            first = PROMPTS * (step // updates)
            chosen = [(first + at) % len(rows) for at in range(PROMPTS)]
            answers = [draw(model, rows[at]["student"], generator) for at in chosen]
            # Some are short, and one now and then has no token behind those that are skipped.
            answers = [answer[:2 + (step * 3 + at * 5) % 9] for at, answer in enumerate(answers)]
            old = None
        for group in optimizer.param_groups:
            group["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / STEPS))
        total, values, now, tokens = 0.0, [], [], 0
        for at, answer in zip(chosen, answers):
            log_p = logits(model, rows[at]["student"], answer)[SKIP:].log_softmax(-1)
            log_q = teacher_logits(model, run, average, rows[at]["teacher"], answer)[SKIP:].log_softmax(-1)
            value = divergence(*categories(log_p, log_q, run), run["divergence"])
            drawn = log_p.gather(-1, torch.tensor(answer[SKIP:], dtype=torch.long)[:, None])[:, 0].detach()
            now.append(drawn)
            values.extend(value.detach().tolist())
            if old is not None:
                value = value * torch.exp(drawn - old[len(now) - 1]).clamp(max=run["clip"])
            tokens += len(value)
            total = total + value.sum() / max(1, len(value)) / PROMPTS
        old = old or now
        optimizer.zero_grad()
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        for name, value in factors(model).items():
            average[name] = (1 - run.get("rate", 0.0)) * average[name] + run.get("rate", 0.0) * value.data
        trace.append({"answers": answers, "prompts": chosen, "loss": total.item(), "grad_norm": norm.item(),
                      "divergence": sum(values) / max(1, len(values)), "tokens": tokens})
    # The names of a PEFT folder.
    final = {name.replace(".default", ""): value.data.contiguous() for name, value in factors(model).items()}
    return trace, final


def main(tiny, start, out):
    torch.set_num_threads(1)
    rows = prompts(AutoTokenizer.from_pretrained(tiny))
    result = {"skip": SKIP, "rate": RATE, "max_new_tokens": NEW, "rows": rows, "runs": {}}
    for seed, (name, run) in enumerate(RUNS.items()):
        trace, final = train(tiny, start, rows, run, seed)
        result["runs"][name] = {"settings": run, "steps": trace}
        save_file(final, f"{out}/{name}.safetensors")
        print(name, [round(step["loss"], 5) for step in trace][::5])
    with open(f"{out}/trace.json", "w") as file:
        json.dump(result, file)
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
