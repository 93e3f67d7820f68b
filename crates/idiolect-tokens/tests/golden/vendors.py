#!/usr/bin/env python3
"""Ids by the vendors' own encoders, for tests/vendors.rs.

Needs sentencepiece, tiktoken, mistral-common 1.13 and llama-models 0.3.
Usage: python vendors.py           (writes native.json beside itself: small vocabularies of our own with their ids)
       python vendors.py FOLDER    (writes the packages' vocabularies, 10,000 strings and 300 conversations with their ids into
                                    FOLDER, which IDIOLECT_VENDOR_FILES then names to the tests)

Of the packages' files nothing is kept in the repository.
"""
import base64, importlib.util, io, json, os, random, shutil, sys
import sentencepiece, tiktoken

HERE = os.path.dirname(os.path.abspath(__file__))
PATTERN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
           r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
WORDS = ("the a tide harbour sea Husum camelCaseName snake_case naïve Grüße Straße don't we'll THEY'RE ISN'T über 42 3.14 1,000,000 2024-07-06 "
         "https://example.org/a?b=c#d f(x)=x**2; print(\"hi\") {'k': [1, 2]} <b>x</b> // --- === \t \n \n\n \r\n    北海 の 潮 высота прилива "
         "ارتفاع ∑ √ ½ ² 🎉 👩‍👩‍👧 é é ﬁ ß İ ı \u200b \u00a0 \ufeff [INST] </s> <|eot_id|> <unk> ▁ ").split(" ")


def strings(count, seed):
    rng = random.Random(seed)
    out = []
    while len(out) < count:
        parts = [rng.choice(WORDS) if rng.random() < 0.8 else
                 "".join(chr(rng.choice([rng.randrange(32, 127), rng.randrange(160, 0x250), rng.randrange(0x3b1, 0x460), rng.randrange(0x4e00, 0x4e80)]))
                         for _ in range(rng.randrange(1, 6))) for _ in range(rng.randrange(1, 14))]
        out.append(rng.choice(["", " ", "  ", "\n"])[: rng.randrange(2)] + rng.choice([" ", " ", "", "  "]).join(parts))
    return out


def small():
    corpus = [" ".join(strings(1, n)) for n in range(400)]
    corpus = [line for text in corpus for line in text.splitlines() if line.strip()]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_writer=model, vocab_size=700, model_type="bpe", byte_fallback=True, character_coverage=0.98,
        normalization_rule_name="identity", remove_extra_whitespaces=False, allow_whitespace_only_pieces=True, split_digits=True,
        control_symbols=["[INST]", "[/INST]"], minloglevel=2)
    spm = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    texts = [text for text in strings(300, 7) if "\u2581" not in text]
    ranks = {bytes([byte]): byte for byte in range(256)}
    for text in corpus:
        # A token that is spelt as a special one has no place in tokenizer.json.
        word = "".join(char for char in text if char not in "<>[]").encode()
        for size in (2, 3, 4):
            for at in range(len(word) - size + 1):
                part = word[at:at + size]
                if len(ranks) < 900 and part not in ranks and part[:-1] in ranks:
                    ranks[part] = len(ranks)
    enc = tiktoken.Encoding("small", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
    tekken = {"config": {"pattern": PATTERN, "num_vocab_tokens": len(ranks), "default_vocab_size": len(ranks) + 20, "default_num_special_tokens": 20,
                         "version": "v3"},
              "vocab": [{"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None} for token, rank in ranks.items()]}
    out = {"generator": "crates/idiolect-tokens/tests/golden/vendors.py", "sentencepiece": sentencepiece.__version__, "tiktoken": tiktoken.__version__,
           "spm": base64.b64encode(model.getvalue()).decode(), "tekken": tekken, "texts": texts,
           "spm_ids": [spm.encode(text) for text in texts], "tekken_ids": [[i + 20 for i in enc.encode(text, disallowed_special=())] for text in texts]}
    with open(os.path.join(HERE, "native.json"), "w", encoding="utf-8", newline="\n") as f:
        json.dump(out, f, ensure_ascii=False)
        f.write("\n")


def whole(folder):
    from mistral_common.tokens.tokenizers.sentencepiece import SentencePieceTokenizer
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer
    from llama_models.llama3.tokenizer import Tokenizer as Llama3
    data = os.path.join(os.path.dirname(importlib.util.find_spec("mistral_common").origin), "data")
    llama = os.path.join(os.path.dirname(importlib.util.find_spec("llama_models").origin), "llama3", "tokenizer.model")
    files = {"spm_v1": (f"{data}/tokenizer.model.v1", "tokenizer.model", SentencePieceTokenizer),
             "spm_v3": (f"{data}/mistral_instruct_tokenizer_240323.model.v3", "tokenizer.model", SentencePieceTokenizer),
             "spm_v7": (f"{data}/mistral_instruct_tokenizer_241114.model.v7", "tokenizer.model", SentencePieceTokenizer),
             "tekken": (f"{data}/tekken_240911.json", "tekken.json", Tekkenizer.from_file), "llama3": (llama, "tokenizer.model", None)}
    texts = strings(10000, 11)
    for name, (source, target, make) in files.items():
        place = os.path.join(folder, name)
        os.makedirs(place, exist_ok=True)
        shutil.copy(source, os.path.join(place, target))
        if make is None:
            from pathlib import Path
            tok = Llama3(Path(source))
            encode = lambda text: tok.encode(text, bos=False, eos=False, allowed_special=set(), disallowed_special=())
        else:
            tok = make(source)
            encode = lambda text: tok.encode(text, bos=False, eos=False)
        with open(os.path.join(place, "ids.jsonl"), "w", encoding="utf-8") as f:
            for text in texts:
                f.write(json.dumps({"text": text, "ids": encode(text)}, ensure_ascii=False) + "\n")


def conversations(count, seed):
    """Conversations of one to four turns; system texts are absent, empty, plain or with white space at their ends."""
    rng = random.Random(seed)
    texts = iter(strings(count * 9, seed))
    plain = lambda: next(text for text in texts if text.strip())
    ends = lambda text: rng.choice(["", "", "", " ", "\n", "  \n\n"]) + text.strip() + rng.choice(["", "", "", " ", "\n", " \n\n"])
    for number in range(count):
        messages = []
        system = rng.choice(["none", "none", "empty", "plain", "ends"])
        if system != "none":
            messages.append({"role": "system", "content": {"empty": "", "plain": plain().strip(), "ends": ends(plain())}[system]})
        for _ in range(rng.randrange(1, 5)):
            messages += [{"role": "user", "content": ends(plain())}, {"role": "assistant", "content": ends(plain())}]
        yield f"{number} system {system}", messages


def mistral(tokenizer, messages):
    """Prompt and whole as MistralTokenizer encodes them, and the tokens of each response."""
    from mistral_common.protocol.instruct.messages import AssistantMessage, SystemMessage, UserMessage
    from mistral_common.protocol.instruct.request import ChatCompletionRequest
    kinds = {"system": SystemMessage, "user": UserMessage, "assistant": AssistantMessage}
    turns = [kinds[row["role"]](content=row["content"]) for row in messages]
    serving, tuning = tokenizer
    full = tuning.encode_chat_completion(ChatCompletionRequest(model="any", messages=turns)).tokens
    own = serving.instruct_tokenizer
    trained = [own.encode_assistant_message(turn, False)
               for turn in turns if isinstance(turn, AssistantMessage)]
    return {"prompt": serving.encode_chat_completion(ChatCompletionRequest(model="any", messages=turns[:-1])).tokens, "full": full, "trained": trained}


def llama(form, messages):
    from llama_models.datatypes import RawMessage
    dialog = [RawMessage(role=row["role"], content=row["content"]) for row in messages]
    full = form.encode_dialog_prompt(dialog).tokens
    header = form._encode_header("assistant")
    assert full[-len(header):] == header
    turns = [form.encode_message(turn, None)[0] for turn in dialog if turn.role == "assistant"]
    trained = [turn[len(header):] for turn in turns]
    return {"prompt": form.encode_dialog_prompt(dialog[:-1]).tokens, "full": full[:-len(header)], "trained": trained}


def dialogs(folder):
    from mistral_common.protocol.instruct.validator import ValidationMode
    from mistral_common.tokens.tokenizers.mistral import MistralTokenizer
    from llama_models.llama3.chat_format import ChatFormat
    from llama_models.llama3.tokenizer import Tokenizer as Llama3
    from pathlib import Path
    data = os.path.join(os.path.dirname(importlib.util.find_spec("mistral_common").origin), "data")
    with open(f"{data}/tekken_240911.json", encoding="utf-8") as f:
        seven = json.load(f)
    seven["config"]["version"] = "v7"
    # The package carries no tekken file of version 7.
    with open(os.path.join(folder, "tekken_v7.json"), "w", encoding="utf-8") as f:
        json.dump(seven, f)
    files = {"spm_v1": f"{data}/tokenizer.model.v1", "spm_v3": f"{data}/mistral_instruct_tokenizer_240323.model.v3",
             "spm_v7": f"{data}/mistral_instruct_tokenizer_241114.model.v7", "tekken_v3": f"{data}/tekken_240911.json",
             "tekken_v7": os.path.join(folder, "tekken_v7.json")}
    modes = (ValidationMode.serving, ValidationMode.finetuning)
    tokenizers = {name: [MistralTokenizer.from_file(path, mode=mode) for mode in modes] for name, path in files.items()}
    form = ChatFormat(Llama3(Path(folder) / "llama3" / "tokenizer.model"))
    with open(os.path.join(folder, "dialogs.jsonl"), "w", encoding="utf-8") as f:
        for name, messages in conversations(300, 5):
            ids = {key: mistral(tokenizer, messages) for key, tokenizer in tokenizers.items()}
            ids["llama3"] = llama(form, messages)
            f.write(json.dumps({"name": name, "messages": messages, "ids": ids}, ensure_ascii=False) + "\n")


def both(folder):
    whole(folder)
    dialogs(folder)


if __name__ == "__main__":
    both(sys.argv[1]) if len(sys.argv) > 1 else small()
