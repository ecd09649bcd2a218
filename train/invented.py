"""Passages with invented facts, questions about them, and the answers."""
import sentences
import words

# A fact about {n}, how it is said, how it is asked, what is answered. {v} is the value.
NOUNS = "password port colour price weight owner code address limit version capital founder height age size speed author email phone director manager budget deadline serial street number room key name password hash region mass depth width length power range duration channel label tag branch model maker material flavour title rank status date year score rate quota threshold temperature voltage frequency".split()
SAY = [
    "The {k} of {n} is {v}.", "{n} has the {k} {v}.", "{n}'s {k} is {v}.", "For {n} the {k} is {v}.", "{k} of {n}: {v}.", "The {k} that {n} uses is {v}.",
    "{n} was given the {k} {v}.", "As its {k}, {n} has {v}.", "`{n}`; {k}: {v}.", "Since last year {n} has {v} as its {k}.", "{v} is the {k} of {n}.",
    "{n} chose {v} for its {k}.", "If you look at {n}, you find the {k} {v}.", "Whoever asks for the {k} of {n} is told {v}.", "{n} ({k}: {v}) is new.", "They set the {k} of {n} to {v}.",
    "{n} and its {k}, {v}, are well known.", "With {v} as {k}, {n} is an exception.", "{n} runs with a {k} of {v}.", "Its makers gave {n} the {k} {v}.", "Use {v} as the {k} when you work with {n}.",
    "The {k} was changed to {v} for {n}.", "{n} | {k} | {v}", "{n}: {k} = {v}", "Only {n} has {v} as {k}.", "A {k} of {v} is what {n} needs.", "No other than {v} is the {k} of {n}.",
    "Until the end, {n} kept the {k} {v}.", "You will see {v} where the {k} of {n} is shown.", "Of {n} we know the {k}: {v}.", "The list says {v} for the {k} of {n}.", "{n} goes by the {k} {v}.",
    "In the file, the {k} of {n} reads {v}.", "Somebody wrote {v} down as {n}'s {k}.", "{n} comes with {v} for a {k}.", "{k} {v} belongs to {n}.", "What {n} calls its {k} is {v}.", "{n} got {v}, which is a fine {k}.",
]
ASK = [
    "what is the {k} of {n}", "what {k} does {n} have", "which {k} has {n}", "{n}'s {k}", "tell me the {k} of {n}", "what is {n}'s {k}", "the {k} of {n}", "which {k} does {n} use",
    "do you know the {k} of {n}", "i need the {k} of {n}", "can you find the {k} of {n}", "what {k} is given for {n}", "{n} {k}", "and the {k} of {n}", "look up the {k} of {n}",
    "for {n}, what is the {k}", "what was {n}'s {k} again", "i am looking for the {k} of {n}", "please give me the {k} that {n} has", "about {n}: what is its {k}", "{n}, {k}", "does it say which {k} {n} has",
    "what do we know about the {k} of {n}", "is there a {k} for {n}", "which is the {k} of {n}", "how about the {k} of {n}", "the {k} for {n}", "say the {k} of {n}", "what should i use as {k} for {n}",
    "my boss wants to know the {k} of {n}", "if i ask for the {k} of {n}, what is the answer", "{k} of {n}", "what is written about the {k} of {n}", "what's the {k} in the case of {n}", "quickly, the {k} of {n}",
]
# Facts that are told by a verb.
DEEDS = [
    ("{n} was built by {v}.", "who built {n}"), ("{n} lives in {v}.", "where does {n} live"), ("{n} works at {v}.", "where does {n} work"),
    ("{n} listens on port {v}.", "which port does {n} listen on"), ("{n} starts at {v}.", "when does {n} start"), ("{n} costs {v}.", "how much does {n} cost"),
    ("{n} needs {v}.", "what does {n} need"), ("{n} was sold to {v}.", "who was {n} sold to"), ("{n} lasts {v}.", "how long does {n} last"),
    ("{n} belongs to {v}.", "who does {n} belong to"), ("To stop {n}, type `{v}`.", "how do i stop {n}"), ("`{v}` removes {n}.", "how do i remove {n}"),
    ("{n} is stored in {v}.", "where is {n} stored"), ("{n} weighs {v}.", "how much does {n} weigh"), ("{n} is painted {v}.", "what colour is {n} painted"),
    ("Run `{v}` to make {n}.", "how do i make {n}"), ("{n} replaced {v}.", "what did {n} replace"), ("{n} is called {v} by its makers.", "what do its makers call {n}"),
    ("{n} opens with {v}.", "how do i open {n}"), ("The flag `--{v}` turns {n} on.", "how do i turn {n} on"),
]


def thing(r, easy):
    """A name."""
    if easy:
        return r.choice([lambda: words.syllable(r), lambda: words.syllable(r).capitalize(), lambda: words.plain(r), lambda: words.plain(r).capitalize(), lambda: words.syllable(r) + str(r.randrange(10))])()
    return words.name(r)


def value(r, easy):
    if easy and r.random() < 0.7:
        return r.choice([lambda: words.syllable(r), lambda: words.syllable(r).capitalize(), lambda: words.plain(r), lambda: str(r.randrange(2, 1000))])()
    return words.value(r)


def kind(r):
    x = r.random()
    return r.choice(NOUNS) if x < 0.7 else words.plain(r) if x < 0.93 else words.word(r)


def deed(r, n):
    """A fact told by a verb: the sentence, a question, the value."""
    said, asked = r.choice(DEEDS)
    v = words.value(r)
    if "--{" in said:
        v = words.word(r)
    elif "`" in said:
        v = words.word(r) + r.choice(["", " " + words.word(r), "-" + words.word(r), " --" + words.word(r)])
    return said.replace("{n}", n).replace("{v}", v), asked.replace("{n}", n), v


def told(r, names, kinds, easy):
    """A sentence, and what can be asked of it: (name, kind, question, value) each."""
    n = r.choice(names) if names else thing(r, easy)
    x = r.random()
    if x < 0.1:
        said, asked, v = deed(r, n)
        return said, [(n, asked, asked, v)]
    pairs = {}
    for _ in range(r.choice([1, 1, 1, 1, 1, 2])):
        pairs[r.choice(kinds) if kinds else kind(r)] = value(r, easy)
    pairs = list(pairs.items())
    if x < 0.3:
        pairs = pairs[:1]
        k, v = pairs[0]
        said = r.choice(SAY).replace("{k}", k).replace("{n}", n).replace("{v}", v)
    else:
        said = sentences.told(r, n, pairs, bare=names is None)
    return said, [(n, k, words.written(r, r.choice(ASK)).replace("{k}", k).replace("{n}", n) if r.random() < 0.25 else sentences.asked(r, n, k), v) for k, v in pairs]


def conversation(r, passages):
    """So many passages, and questions about their facts in any order: titles and
    texts, then (question, answer, which passage) each."""
    easy = r.random() < 0.35
    # Most facts differ in the name; some in the kind alone, or all have one kind.
    names = [thing(r, easy) for _ in range(r.choice([1, 1, 2]))] if r.random() < 0.2 else None
    kinds = [kind(r) for _ in range(9)] if names else [kind(r)] if r.random() < 0.25 else None
    out, questions, known = [], [], set()
    for i in range(passages):
        parts = []
        for _ in range(r.choice([1, 1, 2, 2, 3, 3, 4])):
            said, asked = told(r, names, kinds, easy)
            if known & {(n, k) for n, k, _, _ in asked}:
                continue  # what is asked must have one answer
            known |= {(n, k) for n, k, _, _ in asked}
            parts.append(said)
            questions += [(q, f"{n}: {v}", i) for n, _, q, v in asked]
        for _ in range(r.choice([0, 0, 1])):
            parts.insert(r.randrange(len(parts) + 1), r.choice(sentences.PLAIN) if r.random() < 0.5 else words.fragment(r, 9).capitalize() + ".")
        title = r.choice([words.name(r), words.word(r), "Notes", "About " + words.name(r), words.plain(r), words.name(r) + " and " + words.name(r)])
        out.append((title, r.choice([" ", " ", " ", "\n"]).join(parts)))
    r.shuffle(questions)
    return out, questions
