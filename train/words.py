"""Invented words, names, codes and figures, so that nothing can be known by heart; and
pieces of the docs' own sentences to stand around them."""
import json
import os
import re

import english

ONSETS = "b bl br c ch cl cr d dr f fl fr g gl gr h j k kl kr l m n p pl pr qu r s sc sh sk sl sm sn sp st str t th tr v w y z zw".split()
VOWELS = "a e i o u ai ea ee ia io oa oo ou y".split()
CODAS = "b ck d f g k l ld lk lm m n nd ng nk nt p r rd rk rm rn rp rt s sh sk st t th x z".split() + [""] * 12


def syllable(r):
    return r.choice(ONSETS) + r.choice(VOWELS) + r.choice(CODAS)


def word(r):
    return "".join(syllable(r) for _ in range(r.choice([1, 1, 2, 2, 2, 3])))


def name(r):
    """A name of a thing or a person: Brollin, Kea Dorst, trask-7."""
    w = word(r)
    kind = r.random()
    if kind < 0.55:
        return w.capitalize()
    if kind < 0.7:
        return w.capitalize() + " " + word(r).capitalize()
    if kind < 0.8:
        return w + "-" + str(r.randrange(1, 100))
    if kind < 0.9:
        return w + "_" + word(r)
    return w


def code(r):
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    return r.choice(
        [
            lambda: "".join(r.choice(letters) for _ in range(r.randrange(2, 4))) + "-" + str(r.randrange(10, 10000)),
            lambda: word(r) + str(r.randrange(2, 1000)),
            lambda: "".join(r.choice("0123456789abcdef") for _ in range(r.randrange(4, 9))),
            lambda: f"{r.randrange(1, 20)}.{r.randrange(0, 20)}.{r.randrange(0, 20)}",
            lambda: word(r) + "." + word(r),
        ]
    )()


def number(r):
    return r.choice(
        [
            lambda: str(r.randrange(2, 100)),
            lambda: str(r.randrange(100, 10000)),
            lambda: f"{r.randrange(1, 100)}.{r.randrange(0, 100):02d}",
            lambda: f"{r.randrange(2, 900)},{r.randrange(0, 1000):03d}",
            lambda: str(r.randrange(1900, 2100)),
        ]
    )()


def value(r):
    kind = r.random()
    if kind < 0.4:
        return number(r) + r.choice(["", "", " seconds", " metres", " percent", " dollars", " kg", " days", " MB", " tokens", " watts"])
    if kind < 0.65:
        return code(r)
    return name(r)


def sentences():
    """The words of the docs, sentence by sentence."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "passages.jsonl")) as f:
        texts = [json.loads(line)["Text"] for line in f]
    found = [re.findall(r"[a-z][a-z'-]*", s.lower()) for t in texts for s in re.split(r"[.;:,()] ", re.sub(r"`[^`]*`", "", t))]
    return [s for s in found if len(s) >= 3]


DOCS = sentences()


def fragment(r, most):
    """One to so many words that follow each other in the docs."""
    s = r.choice(DOCS)
    n = r.randrange(1, min(most, len(s)) + 1)
    at = r.randrange(len(s) - n + 1)
    return " ".join(s[at : at + n])


# Those of them that mean something.
PLAIN = sorted({w for s in DOCS for w in s if len(w) >= 4 and "'" not in w and w not in set("about above after again also another because been before behind both does each else ever every from have here into just many more most much must never none nothing only other over same several should since some such than that their them then there these they this those through under until upon very were what when where which while whose will with within without would your".split())})
KNOWN = set(PLAIN) | set(english.WORDS)


def plain(r):
    """A word that means something, of the docs or of every day."""
    return r.choice(PLAIN if r.random() < 0.5 else english.WORDS)


def written(r, text):
    """A text of lower case as some write it: with a capital I."""
    return re.sub(r"(?<![\w'.-])i(?=[ ,.?!']|$)", "I", text) if r.random() < 0.5 else text
