#!/usr/bin/env python3
"""Ids by the vendors' own encoders, for tests/vendors.rs.

Needs sentencepiece, tiktoken, mistral-common 1.13 and llama-models 0.3.
Usage: python vendors.py           (writes native.json beside itself: small vocabularies of our own with their ids)
       python vendors.py FOLDER    (writes the packages' vocabularies and 10,000 strings with their ids into FOLDER,
                                    which IDIOLECT_VENDOR_FILES then names to the tests)

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


if __name__ == "__main__":
    whole(sys.argv[1]) if len(sys.argv) > 1 else small()
