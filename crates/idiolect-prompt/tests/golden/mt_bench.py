"""Writes mt_bench.json: the text of MT-bench's second turn in FastChat's conversations.

Needs: pip install fschat==0.2.36 --no-deps.  Usage: python mt_bench.py > mt_bench.json
llama-3 came after that release; its rule (SeparatorStyle.LLAMA3) is written out below.
The beginning of text that a tokenizer adds stands here as <s>; that of llama-3 is in the text.
"""

import json

from fastchat.conversation import get_conv_template

TURNS = ["  What is 1 + 1?\nSay it.", "Two, of course.", "And {{content}} times 3? ", None]


def llama_3(turns):
    text = "<|begin_of_text|>"
    for place, turn in enumerate(turns):
        role = ["user", "assistant"][place % 2]
        text += f"<|start_header_id|>{role}<|end_header_id|>\n\n"
        text += f"{turn.strip()}<|eot_id|>" if turn else ""
    return text


def other(name):
    conversation = get_conv_template(name)
    for place, turn in enumerate(TURNS):
        conversation.append_message(conversation.roles[place % 2], turn)
    return "<s>" + conversation.get_prompt()


texts = {name: other(name) for name in ["one_shot", "zephyr", "llama-2", "mistral"]}
texts["llama-3"] = llama_3(TURNS)
print(json.dumps({"turns": TURNS[:3], "texts": texts}, indent=1, sort_keys=True))
