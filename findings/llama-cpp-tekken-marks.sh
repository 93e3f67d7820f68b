#!/bin/bash
# llama.cpp's pre-tokenizer "tekken" cuts words at combining marks where Mistral's own pattern does not.
#
# Mistral's tokenizer file (tekken.json, here of mistral-common) has a pattern in which \p{M} may stand inside a word.
# llama.cpp knows the pattern by the name tokenizer.ggml.pre = "tekken". Given the same tokens and merges, both give the
# same ids for words without combining marks, and other ids for a word of Devanagari: llama.cpp's are more, since no
# merge reaches across a cut.
#
# Needs python3 with venv and a package index. Prints what was seen, and fails when that changes.
set -euo pipefail
place=$(mktemp -d); trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install -q xllamacpp==2026.10.11549 mistral-common==1.13.1 gguf==0.19.0 tiktoken==0.14.0
cat > "$place/look.py" <<'PY'
import glob, json, os, sys, urllib.request
import gguf, mistral_common, numpy, tiktoken, xllamacpp

place = sys.argv[1]
[file, *_] = sorted(glob.glob(os.path.join(os.path.dirname(mistral_common.__file__), "data", "tekken*.json")))
pattern = json.load(open(file))["config"]["pattern"]

# All bytes, and every beginning of three words, each longer by one byte: whole words are single tokens.
words = ["harbour", "Straße", "हिन्दी"]
ranks = {bytes([byte]): byte for byte in range(256)}
merges = []
for word in words:
    text = word.encode()
    for end in range(2, len(text) + 1):
        if text[:end] not in ranks:
            merges.append((text[:end - 1], text[end - 1:end]))
            ranks[text[:end]] = len(ranks)
theirs = tiktoken.Encoding("tekken", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})

# The same in a GGUF file of a tiny Llama. Bytes are spelt as GPT-2 spells them.
shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
spelt = {byte: chr(byte) for byte in shown}
spelt.update({byte: chr(256 + at) for at, byte in enumerate(b for b in range(256) if b not in spelt)})
spell = lambda text: "".join(spelt[byte] for byte in text)
tokens = [spell(token) for token, _ in sorted(ranks.items(), key=lambda one: one[1])] + ["<s>", "</s>"]
path = os.path.join(place, "tiny.gguf")
writer = gguf.GGUFWriter(path, "llama")
writer.add_context_length(64); writer.add_embedding_length(32); writer.add_block_count(1); writer.add_feed_forward_length(32)
writer.add_head_count(1); writer.add_head_count_kv(1); writer.add_layer_norm_rms_eps(1e-5); writer.add_rope_dimension_count(32)
writer.add_tokenizer_model("gpt2"); writer.add_tokenizer_pre("tekken"); writer.add_token_list(tokens)
writer.add_token_types([1] * (len(tokens) - 2) + [3, 3]); writer.add_token_merges([f"{spell(a)} {spell(b)}" for a, b in merges])
writer.add_bos_token_id(len(tokens) - 2); writer.add_eos_token_id(len(tokens) - 1); writer.add_add_bos_token(False)
wide, ones = numpy.full((32, 32), 0.01, numpy.float32), numpy.ones(32, numpy.float32)
writer.add_tensor("token_embd.weight", numpy.full((len(tokens), 32), 0.01, numpy.float32))
for name in ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]:
    writer.add_tensor(f"blk.0.{name}.weight", wide)
for name in ["blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "output_norm.weight"]:
    writer.add_tensor(name, ones)
writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
params = xllamacpp.CommonParams()
params.model.path = path
params.n_ctx, params.n_gpu_layers, params.warmup, params.fit_params = 64, 0, False, False
server = xllamacpp.Server(params)

seen = {}
for word in words:
    asked = json.dumps({"content": word, "add_special": False}).encode()
    request = urllib.request.Request(server.listening_address + "/tokenize", asked, {"Content-Type": "application/json"})
    ours = json.load(urllib.request.urlopen(request))["tokens"]
    seen[word] = (len(theirs.encode(word)), len(ours), theirs.encode(word) == ours)
    print(f"{word}: {seen[word][0]} tokens by Mistral's pattern, {seen[word][1]} by llama.cpp")
assert seen["harbour"] == (1, 1, True) and seen["Straße"] == (1, 1, True), seen
assert seen["हिन्दी"][0] == 1 and seen["हिन्दी"][1] > 1, seen
print("as found: words with combining marks alone are cut otherwise")
PY
"$place/venv/bin/python" "$place/look.py" "$place" 2>"$place/log" || { tail -20 "$place/log"; exit 1; }
