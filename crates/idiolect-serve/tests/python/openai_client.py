"""The `openai` package against a server that runs: completions, chat, streams, log-probabilities, refusals.

    idiolect serve --model models/SmolLM2-135M-Instruct.Q4_1.gguf --port 8000
    python crates/idiolect-serve/tests/python/openai_client.py http://127.0.0.1:8000/v1

Run with openai 3.57.0. Every line that it prints is a claim that held; the first that does not ends it.
"""

import math
import sys
from concurrent.futures import ThreadPoolExecutor

import openai


def held(claim, is_so):
    if not is_so:
        sys.exit(f"does not hold: {claim}")
    print(f"holds: {claim}")


def refused(call, status):
    try:
        call()
    except openai.APIStatusError as error:
        return error.status_code == status and error.body["message"]
    return None


def completions(client, model):
    ask = dict(model=model, prompt="The capital of France is", max_tokens=12, temperature=0)
    whole = client.completions.create(**ask)
    text = whole.choices[0].text
    held(f"a completion has text: {text!r}", len(text) > 0)
    usage = whole.usage
    held("its numbers add up", usage.prompt_tokens + usage.completion_tokens == usage.total_tokens)
    pieces = client.completions.create(**ask, stream=True, stream_options={"include_usage": True})
    pieces = list(pieces)
    held("a stream joins to it", "".join(c.text for p in pieces for c in p.choices) == text)
    held("the last event has the same numbers", pieces[-1].usage == usage)
    several = client.completions.create(model=model, prompt=["One", "Two"], n=2, max_tokens=5, seed=1)
    held("two prompts with n=2 are four texts", [c.index for c in several.choices] == [0, 1, 2, 3])
    scored = client.completions.create(**ask, logprobs=5, echo=True)
    found = scored.choices[0].logprobs
    own = found.token_logprobs[1:]
    held("an echo has a log-probability for all tokens but the first", None not in own and found.token_logprobs[0] is None)
    held("and its text begins with the prompt", scored.choices[0].text.startswith(ask["prompt"]))
    held("greedy tokens are the likeliest", all(
        abs(p - max(top.values())) < 1e-6
        for p, top in zip(found.token_logprobs[-12:], found.top_logprobs[-12:])
    ))
    stopped = client.completions.create(**{**ask, "stop": ["."]})
    held("a stop ends a text", "." not in stopped.choices[0].text)


def chat(client, model):
    ask = dict(model=model, messages=[{"role": "user", "content": "What is the capital of France?"}])
    ask |= dict(max_completion_tokens=20, temperature=0)
    whole = client.chat.completions.create(**ask)
    text = whole.choices[0].message.content
    held(f"a question is answered: {text!r}", "Paris" in text)
    pieces = list(client.chat.completions.create(**ask, stream=True))
    held("a stream joins to it", "".join(c.delta.content or "" for p in pieces for c in p.choices) == text)
    scored = client.chat.completions.create(**ask, logprobs=True, top_logprobs=3).choices[0]
    tokens = scored.logprobs.content
    held("tokens with their bytes join to it", b"".join(
        bytes(t.bytes) for t in tokens if not t.token.startswith("<|")
    ).decode() == text)
    held("three likeliest tokens stand beside each", all(len(t.top_logprobs) == 3 for t in tokens))
    held("and are probabilities", all(sum(math.exp(o.logprob) for o in t.top_logprobs) <= 1.001 for t in tokens))
    with client.chat.completions.create(**ask, stream=True) as left:
        next(iter(left))
    held("after a stream that was left another is answered", client.chat.completions.create(**ask).choices[0].message.content == text)


def refusals(client, model):
    create = client.completions.create
    held("another model is 404", refused(lambda: create(model="gpt-4", prompt="x"), 404))
    held("an unknown field is 400 and named", "magic" in refused(lambda: create(model=model, prompt="x", extra_body={"magic": 1}), 400))
    tools = [{"type": "function", "function": {"name": "f"}}]
    asked = [{"role": "user", "content": "x"}]
    held("tools are refused by name", "tools" in refused(
        lambda: client.chat.completions.create(model=model, messages=asked, tools=tools), 400))


def crowd(client, model):
    def ask(at):
        found = client.completions.create(model=model, prompt=f"{at} is", max_tokens=4, seed=at)
        return found.choices[0].text

    alone = [ask(at) for at in range(20)]
    with ThreadPoolExecutor(20) as pool:
        together = list(pool.map(ask, range(20)))
    held("twenty at once are answered as one by one", together == alone)


def main(address):
    client = openai.OpenAI(base_url=address, api_key="none", max_retries=0)
    model = next(iter(client.models.list())).id
    print(f"openai {openai.__version__}, model {model}")
    for check in (completions, chat, refusals, crowd):
        check(client, model)


if __name__ == "__main__":
    main(sys.argv[1])
