#!/usr/bin/env python3
"""Golden values of the divergences between two heads' distributions, by PyTorch.

Usage: python divergence.py        writes divergence.json beside this file
Needs torch. One thread; f64, so that the values are those of the formula. The weight is stored as [width, vocab].
Forward is kl_div(student, teacher) = KL(teacher | student), reverse the other way; both summed over rows.
"""
import json, os
import torch
from torch.nn.functional import kl_div

SEED, ROWS, WIDTH, VOCAB, DIVISOR = 3, 7, 5, 11, 9.0
torch.set_num_threads(1)
torch.manual_seed(SEED)
# Inputs are f32 numbers, so that every reader starts from the same.
student, teacher, weight = (torch.randn(*shape).double() for shape in ((ROWS, WIDTH), (ROWS, WIDTH), (WIDTH, VOCAB)))
student.requires_grad_()
flat = lambda tensor: [float(f"{value:.12g}") for value in tensor.detach().flatten().tolist()]
log = lambda hidden: torch.log_softmax(hidden @ weight, -1)


def case(first, second):
    student.grad = None
    value = kl_div(first(), second(), reduction="sum", log_target=True)
    (value / DIVISOR).backward()
    return {"sum": value.item(), "gradient": flat(student.grad)}


golden = {
    "generator": "divergence.py", "versions": {"torch": torch.__version__}, "seed": SEED, "tolerance": 2e-6,
    "rows": ROWS, "width": WIDTH, "vocab": VOCAB, "divisor": DIVISOR,
    "student": flat(student), "teacher": flat(teacher), "weight": flat(weight),
    "forward": case(lambda: log(student), lambda: log(teacher)),
    "reverse": case(lambda: log(teacher), lambda: log(student)),
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "divergence.json"), "w") as file:
    json.dump(golden, file)
    file.write("\n")
