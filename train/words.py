"""Invented words, names, codes and figures, so that nothing can be known by heart."""

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
