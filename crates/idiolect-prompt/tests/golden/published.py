#!/usr/bin/env python3
"""What transformers renders from the chat templates that packages carry, for tests/published.rs.

Needs transformers, jinja2 and folders of templates as collect.py gathers them.
Usage: python published.py GATHERED          (writes published.json.gz beside itself, of the packages in KEPT)
       python published.py GATHERED OUT.gz   (writes all that was gathered; IDIOLECT_TEMPLATE_FILE then names it to the test)

The kept templates are stored unchanged, so that the test needs no Python. Every conversation is rendered with and without tools, with and
without the generation prompt, on the day 2024-07-06.
"""
import datetime, glob, gzip, json, os, sys
import transformers
from transformers.utils import chat_template_utils
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast


class Day(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 6)


chat_template_utils.datetime = Day
TOOLS = [
    {"type": "function", "function": {"name": "get_tide", "description": "Height of the tide at a harbour, \"now\" & <then>",
     "parameters": {"type": "object", "properties": {"harbour": {"type": "string", "description": "Ort, z. B. Büsum"},
                    "unit": {"type": "string", "enum": ["m", "ft"]}, "days": {"type": "integer", "minimum": 1}}, "required": ["harbour"]}}},
    {"type": "function", "function": {"name": "add", "description": "Adds", "parameters": {"type": "object", "properties":
     {"a": {"type": "number"}, "b": {"type": "number", "default": 1.5}}, "required": ["a", "b"]}}},
]


def turn(role, content, **more):
    return {"role": role, "content": content, **more}


CONVERSATIONS = {
    "two_turns": [turn("user", "  What is 6 · 7?\n"), turn("assistant", "It is 42, naïvely ☕."), turn("user", "And \"8\" <b>·</b> 8?"),
                  turn("assistant", "64.\n\nThat's it.")],
    "thought": [turn("system", "Be brief."), turn("user", "2+2?"),
                turn("assistant", "Four.", reasoning_content="Two and two.\nThat is four.")],
    "calls": [turn("system", "You know the tides."), turn("user", "How high is the tide in Husum?"),
              {"role": "assistant", "tool_calls": [{"id": "call00001", "type": "function", "function":
               {"name": "get_tide", "arguments": {"harbour": "Husum", "unit": "m"}}}]},
              turn("tool", "2.1 m at noon", tool_call_id="call00001", name="get_tide"), turn("assistant", "It is 2.1 m."),
              turn("user", "Thanks."), turn("assistant", "You are welcome.")],
}


# Packages whose licence lets their templates be kept here.
KEPT = {
    "trl": "trl 1.16.0, Apache-2.0, Copyright the HuggingFace Team",
    "axolotl": "axolotl 0.19.0, Apache-2.0, Copyright the axolotl authors",
    "unsloth": "unsloth 2026.10.9, unsloth/chat_templates.py, Apache-2.0, Copyright Daniel Han-Chen & the Unsloth team",
    "llamafactory": "llamafactory 0.9.5, written by Template._get_jinja_template, Apache-2.0, Copyright the LlamaFactory team",
    "chat_templates": "github.com/chujiezheng/chat_templates, MIT, Copyright (c) 2024 Chujie Zheng",
}


def rendered(base, source):
    """The twelve renderings of a template; nothing where transformers cannot read it."""
    tok = PreTrainedTokenizerFast(tokenizer_object=base, bos_token="<s>", eos_token="</s>", chat_template=source)
    for name, messages in CONVERSATIONS.items():
        for tools in (False, True):
            for generation in (False, True):
                row = {"conversation": name, "tools": tools, "generation": generation}
                asked = messages[:-1] if generation else messages
                try:
                    row["text"] = tok.apply_chat_template(asked, tools=TOOLS if tools else None, tokenize=False, add_generation_prompt=generation)
                except Exception as error:
                    row["refused"] = f"{type(error).__name__}: {error}"
                yield row


def main(gathered, path=None):
    base = Tokenizer(models.BPE(vocab={"<unk>": 0}, merges=[], unk_token="<unk>"))
    families = sorted(os.listdir(gathered)) if path else list(KEPT)
    out = {"generator": "crates/idiolect-prompt/tests/golden/published.py", "transformers": transformers.__version__,
           "licence": {} if path else KEPT, "tolerance": "exact", "tools": TOOLS, "conversations": CONVERSATIONS, "templates": []}
    for family in families:
        for file in sorted(glob.glob(os.path.join(gathered, family, "*.jinja"))):
            with open(file, encoding="utf-8", newline="") as f:
                source = f.read()
            out["templates"].append({"family": family, "name": os.path.basename(file), "source": source, "cases": list(rendered(base, source))})
    path = path or os.path.join(os.path.dirname(os.path.abspath(__file__)), "published.json.gz")
    with open(path, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as f:
        f.write(json.dumps(out, ensure_ascii=False).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
