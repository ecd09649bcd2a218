"""Passages with invented facts, questions about them, and the answers."""
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
# What may stand before or behind a fact in its sentence.
LEAD = ["In the spring, ", "Since Monday, ", "It is true that ", "As far as we know, ", "By the way: ", "Note that ", "In most places, ", "Today, ", "After the move, ", "To be exact, ", "On paper, ", "Strange to say, "]
TRAIL = [", as everybody knows", " at the moment", ", and nobody minds", " (see below)", " in this house", ", for a while", ", by the rules", " again", " from now on"]
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
FILL = ["It is said to be old.", "Nobody knows why.", "This was not always so.", "More is told elsewhere.", "It can be changed at any time.", "The rest is as usual.", "Ask before you change it.", "That holds for all of them.", "It is checked every day.", "Others do the same."]


# Words of no meaning here: what is asked for can be found by names alone.
SALAD = """a about above across after again against all almost along already also always among an and any around as asked at away back became because been before began behind being below beside better
between beyond both bought bring brought but by came carried change clearly close come could day decided deep did different do does done down during each early either else end enough even ever every
exactly far fast few first followed for found from full further gave get give given goes gone good great had half hand happened hard has have he heard held her here high him his home how however if
in indeed inside instead into it its just keep kept knew know large last late later least left less let like little long looked low made many may mean met might more most moved much must my near
never new next no none not nothing now of off often old on once one only open or other our out over own part passed past people perhaps place point put quickly quite rather reached read ready really
right round said same saw seem seen sent set several shall she should since slowly small so some soon still stood such taken than that the their them then there these they thing think this those though
through till time to today together told too took toward turned two under until up upon used usually very was way we went were what when where which while who whole will with within without world
would written year yet you your""".split()


def salad(r, most):
    return " ".join(r.choice(SALAD) for _ in range(r.randrange(most + 1)))


def loose(r, n, k, v):
    """A sentence of any words around the name, the kind and the value, and a question
    of any words around the name and the kind."""
    parts = [n, k, v]
    r.shuffle(parts)
    said = " ".join(" ".join(w for w in (salad(r, 4), p) if w) for p in parts)
    end = salad(r, 3)
    said += (" " + end if end else "") + r.choice([".", ".", ".", ";", "!", ""])
    if r.random() < 0.3:
        said = said.replace(" " + v, r.choice([", ", ": ", " = ", " - "]) + v)
    parts = [n, k] if r.random() < 0.7 else [k, n]
    asked = " ".join(w for p in parts for w in (salad(r, 3), p) if w)
    asked += r.choice(["", "", " " + r.choice(SALAD)])
    if r.random() < 0.5:
        asked = r.choice(["what ", "which ", "tell me ", "i ", "do you ", "where ", "how ", "remember ", "is ", "so ", "and ", "can somebody "]) + asked
    return said, asked.strip()


def fact(r, thing=None):
    """A sentence, a question about it, the answer: the name and the value."""
    if r.random() < 0.5:
        n, k, v = thing or words.name(r), r.choice(NOUNS), words.value(r)
        said, asked = loose(r, n, k, v)
        return said[0].upper() + said[1:] if r.random() < 0.7 else said, asked, f"{n}: {v}"
    n, v = thing or words.name(r), words.value(r)
    if r.random() < 0.6:
        k = r.choice(NOUNS)
        said, asked = r.choice(SAY), r.choice(ASK)
    else:
        k, (said, asked) = "", r.choice(DEEDS)
        if "`" in said or "--" in said:
            v = words.word(r) + r.choice(["", " " + words.word(r), "-" + words.word(r), " --" + words.word(r)]) if "--{" not in said else words.word(r)
    said, asked = (s.replace("{k}", k).replace("{n}", n).replace("{v}", v) for s in (said, asked))
    if r.random() < 0.12:
        lead = r.choice(LEAD)
        said = lead + said
    elif r.random() < 0.1 and said.endswith("."):
        said = said[:-1] + r.choice(TRAIL) + "."
    return said[0].upper() + said[1:] if r.random() < 0.7 else said, asked, f"{n}: {v}"


def passage(r, facts):
    parts = list(facts)
    for _ in range(r.choice([0, 0, 1])):
        parts.insert(r.randrange(len(parts) + 1), r.choice(FILL))
    return " ".join(parts)


def question(r, passages):
    """As many passages as asked for, with a question about one of their facts:
    (titles and texts, question, its answer, which passage)."""
    right = r.randrange(passages)
    out, answer, asked = [], None, None
    shared = words.name(r)
    for i in range(passages):
        thing = shared if r.random() < 0.15 else None
        facts = [fact(r, thing) for _ in range(r.choice([1, 1, 2, 2, 3]))]
        if i == right:
            _, asked, answer = r.choice(facts)
        title = r.choice([words.name(r), words.word(r), "Notes", "About " + words.name(r), words.name(r) + " and " + words.name(r)])
        out.append((title, passage(r, [f[0] for f in facts])))
    return out, asked, answer, right
