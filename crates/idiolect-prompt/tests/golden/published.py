#!/usr/bin/env python3
"""What transformers renders from the chat templates that TRL carries, for tests/published.rs.

Needs transformers, jinja2 and trl (its folder trl/chat_templates; nothing of it is imported).
Usage: python published.py   (writes published.json.gz beside itself)

The templates are those of trl 1.16.0 (Apache License 2.0, Copyright the HuggingFace Team), which keeps those of the
checkpoints of their families; they are stored here unchanged so that the test needs no Python. Every conversation is
rendered with and without tools, with and without the generation prompt, on the day 2024-07-06.
"""
import datetime, glob, gzip, importlib.util, json, os
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


def main():
    folder = os.path.join(os.path.dirname(importlib.util.find_spec("trl").origin), "chat_templates")
    base = Tokenizer(models.BPE(vocab={"<unk>": 0}, merges=[], unk_token="<unk>"))
    out = {"generator": "crates/idiolect-prompt/tests/golden/published.py", "transformers": transformers.__version__, "trl": "1.16.0",
           "licence": "templates: Apache-2.0, Copyright the HuggingFace Team, unchanged from trl/chat_templates",
           "tolerance": "exact", "tools": TOOLS, "conversations": CONVERSATIONS, "templates": []}
    for path in sorted(glob.glob(os.path.join(folder, "*.jinja"))):
        with open(path, encoding="utf-8") as f:
            source = f.read()
        tok = PreTrainedTokenizerFast(tokenizer_object=base, bos_token="<s>", eos_token="</s>", chat_template=source)
        cases = []
        for name, messages in CONVERSATIONS.items():
            for tools in (False, True):
                for generation in (False, True):
                    row = {"conversation": name, "tools": tools, "generation": generation}
                    asked = messages[:-1] if generation else messages
                    try:
                        row["text"] = tok.apply_chat_template(asked, tools=TOOLS if tools else None, tokenize=False,
                                                              add_generation_prompt=generation)
                    except Exception as error:
                        row["refused"] = f"{type(error).__name__}: {error}"
                    cases.append(row)
        out["templates"].append({"name": os.path.basename(path), "source": source, "cases": cases})
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "published.json.gz")
    with open(path, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as f:
        f.write(json.dumps(out, ensure_ascii=False).encode())


if __name__ == "__main__":
    main()
