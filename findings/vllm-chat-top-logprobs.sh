#!/bin/bash
# vLLM's chat completions leave a likely token out of `top_logprobs` where the one that was drawn is not likely.
#
# The OpenAI interface has in `top_logprobs: K` the K likeliest tokens at a place. vLLM's engine gives the server the
# drawn token and the K likeliest, K + 1 where the drawn one is none of these, the drawn one first; the chat takes the
# first K of them. So the K-th likeliest is lost, and with K = 1 no likely token is left. `/v1/completions` has all
# K + 1. With `return_tokens_as_token_ids` there is more in the same list: `bytes` of each entry are those of the text
# `token_id:N` and not of the token, while the place itself has the token's bytes.
#
# Here the server's own function is called with what the engine gives it. Needs python3 with venv, a package index and
# some 8 GB of disk for the packages. Prints what was seen, and fails when that changes.
set -euo pipefail
place=$(mktemp -d); trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q vllm==0.33.0
cat > "$place/look.py" <<'PY'
import sys
from importlib.metadata import version

from vllm.entrypoints.openai.chat_completion.serving import OpenAIServingChat
from vllm.logprobs import Logprob

print("vllm", version("vllm"))
# At one place: ` tea` was drawn, the 900th by probability; the two likeliest are ` sea` and ` sky`.
engine = {
    11: Logprob(-9.0, 900, " tea"),
    12: Logprob(-0.4, 1, " sea"),
    13: Logprob(-1.6, 2, " sky"),
}
chat = OpenAIServingChat.__new__(OpenAIServingChat)
chat.return_tokens_as_token_ids = False


def place(count, as_ids):
    found = chat._create_chat_logprobs([11], [engine], None, count, return_as_token_id=as_ids).content[0]
    entries = [(entry.token, bytes(entry.bytes).decode()) for entry in found.top_logprobs]
    return (found.token, bytes(found.bytes).decode()), entries


seen = {}
for count, as_ids in [(2, False), (1, False), (2, True)]:
    seen[count, as_ids] = place(count, as_ids)
    print(f"top_logprobs {count}, as ids {as_ids}: drawn {seen[count, as_ids][0]}, entries {seen[count, as_ids][1]}")

expected = {
    (2, False): ((" tea", " tea"), [(" tea", " tea"), (" sea", " sea")]),
    (1, False): ((" tea", " tea"), [(" tea", " tea")]),
    (2, True): (("token_id:11", " tea"), [("token_id:11", "token_id:11"), ("token_id:12", "token_id:12")]),
}
if seen != expected:
    sys.exit(f"changed: expected {expected}, found {seen}")
PY
"$place/venv/bin/python" "$place/look.py"
