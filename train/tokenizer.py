"""A byte-level BPE tokenizer: training, encoding, decoding.

Words are split as Qwen2 and Qwen3 split them, so that every engine that reads
`tokenizer.ggml.pre = qwen2` finds the same tokens. Python's `re` has no classes
for letters and numbers; the pattern below says the same for the text that the
corpus has, and `infer/box` tests that the Go tokenizer agrees.
"""
import collections
import json
import re

SPLIT = re.compile(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
    r"|(?:[^\r\n\w]|_)?[^\W\d_]+"
    r"|\d"
    r"| ?(?:[^\s\w]|_)+[\r\n]*"
    r"|\s*[\r\n]+"
    r"|\s+(?!\S)"
    r"|\s+"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def byte_map():
    """GPT-2's map of bytes to printable characters."""
    keep = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    out, extra = {}, 0
    for b in range(256):
        if b in keep:
            out[b] = chr(b)
        else:
            out[b] = chr(256 + extra)
            extra += 1
    return out


BYTES = byte_map()


def mapped(word):
    return tuple(BYTES[b] for b in word.encode())


def train(texts, size):
    """Learns merges from texts until there are `size` tokens, the special ones
    included."""
    counts = collections.Counter()
    for text in texts:
        counts.update(SPLIT.findall(text))
    words = [[list(mapped(w)), n] for w, n in counts.items()]
    tokens = sorted(BYTES.values())
    merges, pairs, where = [], collections.Counter(), collections.defaultdict(set)
    for i, (symbols, n) in enumerate(words):
        for pair in zip(symbols, symbols[1:]):
            pairs[pair] += n
            where[pair].add(i)
    while len(tokens) + len(SPECIAL) < size:
        best = max(pairs, key=lambda p: (pairs[p], p))
        if pairs[best] < 2:
            raise ValueError("the corpus is too small for so many tokens")
        merges.append(best)
        joined = best[0] + best[1]
        tokens.append(joined)
        for i in list(where[best]):
            symbols, n = words[i]
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] -= n
                where[pair].discard(i)
            out, at = [], 0
            while at < len(symbols):
                if at + 1 < len(symbols) and (symbols[at], symbols[at + 1]) == best:
                    out.append(joined)
                    at += 2
                else:
                    out.append(symbols[at])
                    at += 1
            words[i][0] = out
            for pair in zip(out, out[1:]):
                pairs[pair] += n
                where[pair].add(i)
        del pairs[best]
    return {"tokens": tokens + SPECIAL, "merges": [" ".join(m) for m in merges]}


class Tokenizer:
    """Encodes text without special tokens; those are put in by number."""

    def __init__(self, table):
        self.tokens, self.merges = table["tokens"], table["merges"]
        self.ids = {t: i for i, t in enumerate(self.tokens)}
        self.rank = {tuple(m.split(" ")): r for r, m in enumerate(self.merges)}
        self.end, self.start, self.stop = (self.ids[s] for s in SPECIAL)
        self.known = {}
        self.unmap = {c: b for b, c in BYTES.items()}

    @classmethod
    def load(cls, path):
        with open(path) as f:
            return cls(json.load(f))

    def word(self, word):
        found = self.known.get(word)
        if found is None:
            symbols = list(mapped(word))
            while len(symbols) > 1:
                rank, at = min((self.rank.get(p, 1 << 30), i) for i, p in enumerate(zip(symbols, symbols[1:])))
                if rank == 1 << 30:
                    break
                symbols[at : at + 2] = [symbols[at] + symbols[at + 1]]
            found = [self.ids[s] for s in symbols]
            if len(self.known) < 200_000:
                self.known[word] = found
        return found

    def encode(self, text):
        out = []
        for word in SPLIT.findall(text):
            out += self.word(word)
        return out

    def decode(self, ids):
        data = bytearray()
        for i in ids:
            token = self.tokens[i]
            data += token.encode() if token in SPECIAL else bytes(self.unmap[c] for c in token)
        return data.decode(errors="replace")
