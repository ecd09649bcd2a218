"""Requests for tools that do not exist, made of parts, and several requests of the
same tools in a row."""
import everyday
import known
import sentences
import talk
import tools
import words

SAME = {"find": "look for|search|locate|spot", "get": "fetch|bring|pull|give me", "show": "display|let me see|present", "list": "enumerate|show all", "check": "look at|inspect|verify", "open": "start|unlock", "close": "shut|end", "start": "begin|launch|run", "stop": "halt|end|finish", "delete": "remove|drop|throw away|get rid of",
        "update": "change|renew|refresh", "count": "number|add up", "measure": "gauge|take the size of", "cancel": "call off|undo|give up", "move": "shift|carry|push", "copy": "duplicate|clone", "lock": "seal|close off", "fetch": "get|bring", "make": "create|produce", "send": "mail|ship|transmit", "call": "ring|phone", "print": "put on paper|output",
        "order": "buy|request", "build": "construct|put together", "clean": "tidy|wash", "load": "read in|bring in", "save": "keep|store", "read": "show|look into", "write": "put down|record", "reset": "clear|put back", "test": "try|try out", "track": "follow|where is", "create": "make|add|set up", "describe": "explain|tell me about", "lookup": "find|search", "pause": "hold|stop for now", "plan": "schedule|prepare", "play": "put on|start", "query": "ask|search"}
BEFORE = ["", "", "", "", "please ", "can you ", "could you ", "i want to ", "i need to ", "would you ", "let us ", "we should ", "go and ", "now ", "hi, ", "hey, ", "ok, ", "quickly ", "just ", "do ", "i'd like you to ", "somebody must ", "time to ", "first ", "then ", "also ", "and "]
AFTER = ["", "", "", "", "", "", " now", " for me", " at once", " today", " again", " if you can", " as soon as possible", " when you have time", " before noon", ", thanks", " and be quick", ", it is urgent", " right away", ", will you", " once more", " or tell me why not"]
FIRST = ["{n} {v}", "the {n} {v}", "{v}", "{v}", "the {n} called {v}", "the {n} named {v}", "{v}, the {n}", "this {n}: {v}", "{n} `{v}`", "the {n} \"{v}\"", "{v} (a {n})", "our {n} {v}", "a {n} for {v}", "the {n} of {v}", "the {n} in {v}", "{n} number {v}", "the {n} which is {v}", "{l} {v}", "{l}: {v}", "the {l} {v}"]
NEXT = ["{l} {v}", "with {l} {v}", "{l}: {v}", "{l} = {v}", "and {l} {v}", "the {l} is {v}", "as {l} {v}", "{v} as {l}", "at {l} {v}", "using the {l} {v}", "({l} {v})", "{v} for the {l}", "{l} should be {v}", "take {v} as {l}", "by {l} {v}", "to the {l} {v}", "from the {l} {v}", "in {l} {v}", "set {l} to {v}", "on {l} {v}", "make the {l} {v}", "whose {l} is {v}"]
COUNT = ["{v} {l}", "{v} {l}", "for {v} {l}", "at most {v} {l}", "the first {v} {l}", "up to {v} {l}", "{v} of {l}", "with {v} {l}", "to {v} {l}"]
FREE = ["{l}: {v}", "the {l} \"{v}\"", "saying {v}", "which says {v}", "with the words {v}", "about {v}", "on {v}", "{l} is {v}", "the {l}: {v}", "that reads {v}", "\"{v}\"", "'{v}'", "as follows: {v}", "this: {v}", ": {v}", ": {v}", "here: {v}", "- {v}"]


def fill(r, kind):
    if isinstance(kind, list):
        return r.choice(kind)
    if kind == "array":
        return [words.name(r) if r.random() < 0.6 else words.plain(r) for _ in range(r.randrange(1, 4))]
    if kind == "text":
        return words.fragment(r, 7) if r.random() < 0.5 else tools.fill(r, "topic")
    if kind == "word":
        return words.plain(r)
    if kind == "money":
        return r.choice([r.randrange(1, 5000), float(f"{r.randrange(1, 900)}.{r.randrange(1, 100):02d}")])
    if kind == "clock":
        return f"{r.randrange(24)}:{r.randrange(60):02d}"
    if kind == "unit":
        return r.choice("miles inches feet metres grams pounds ounces litres gallons hours days weeks minutes acres degrees knots volts watts bytes cups yards tons seconds months years litres pints stones".split())
    if kind == "domain":
        return words.word(r) + r.choice([".com", ".org", ".net", ".io", ".example"])
    if kind == "url":
        return "https://" + words.word(r) + ".com/" + words.word(r)
    if kind == "name" and r.random() < 0.15:
        return r.choice([words.plain(r), words.plain(r) + "-" + words.plain(r), words.plain(r).capitalize()])
    return tools.fill(r, kind)


def spoken(r, v):
    """How a value is said."""
    if isinstance(v, bool):
        return "on" if v else "off"
    if isinstance(v, list):
        return v[0] if len(v) == 1 else ", ".join(v[:-1]) + r.choice([" and ", " and ", ", "]) + v[-1]
    return str(v)


def word(r):
    x = r.random()
    return r.choice(tools.NOUNS) if x < 0.25 else words.plain(r) if x < 0.8 else words.word(r)


def invent(r):
    """A tool that does not exist: name, description, arguments with types and fillings,
    and what is needed to ask for it."""
    verb = r.choice(tools.VERBS) if r.random() < 0.6 else words.plain(r)
    noun = word(r)
    args, taken = [], set()
    for i in range(r.choice([1, 1, 1, 2, 2, 2, 3])):
        x = r.random()
        if i == 0 and x < 0.9:
            a, kind, what = r.choice([noun + "_" + r.choice(tools.KINDS), r.choice(tools.KINDS), noun, noun, word(r)]), "string", r.choice(["name", "name", "name", "code", "code", "symbol", "place", "path", "word", "text", "text"])
        elif x < 0.4:
            a, kind, what = r.choice(tools.SECOND) if r.random() < 0.5 else word(r), r.choice(["integer", "integer", "integer", "number"]), r.choice(["number", "small", "digit"])
        elif x < 0.85:
            a, kind, what = r.choice([r.choice(tools.KINDS), word(r)]), "string", r.choice(["name", "code", "tongue", "symbol", "place", "word", "path"])
        elif x < 0.93:
            a, what = r.choice([r.choice(tools.KINDS), word(r)]), ""
            kind = sorted({words.plain(r) for _ in range(r.randrange(2, 5))})
        else:
            a, kind, what = word(r) + "s", "array", "name"
        if a not in taken:
            taken.add(a)
            args.append((a, kind, what))
    name = r.choice([f"{verb}_{noun}", f"{verb}_{noun}", f"{verb}_{noun}", verb + noun.capitalize(), f"{noun}_{verb}", noun, verb, f"{verb}_{noun}_{r.choice(tools.KINDS)}", f"{noun}-{verb}", f"{noun}.{verb}"])
    about = r.choice([f"{verb.capitalize()}s a {noun}", f"{verb} a {noun}", f"Tool to {verb} the {noun}", f"{noun.capitalize()}: {verb}", f"To {verb} {noun}s", f"This can {verb} a {noun} by its {args[0][0].replace('_', ' ')}", f"{verb.capitalize()}s the {noun} {words.fragment(r, 5)}", f"{verb.capitalize()} {noun}"])
    if r.random() < 0.3:
        r.shuffle(args)
    return name, about, args, (verb, noun)


def asked(r, tool, arguments):
    """A request with the arguments in it."""
    if isinstance(tool[3], str):
        text = r.choice(talk.choices(tool[3]))
        # Behind a value of words, more words could be of the value.
        open_end = any(text.endswith("{" + a + "}") for a, _, what in tool[2] if what in ("text", "topic"))
        for a, v in arguments.items():
            text = text.replace("{" + a + "}", spoken(r, v))
        if r.random() < 0.25:
            text = r.choice(BEFORE) + text
        if r.random() < 0.2 and not open_end:
            text += r.choice(AFTER)
        return text
    verb, noun = tool[3]
    parts = []
    for i, (a, kind, what) in enumerate(tool[2]):
        label, v = a.replace("_", " "), spoken(r, arguments[a])
        if what == "text":
            form = r.choice(FREE)
        elif kind in ("integer", "number"):
            form = r.choice(COUNT if r.random() < 0.6 else NEXT)
        elif i == 0 and (len(tool[2]) == 1 or tool[2][1][1] != "string"):
            form = r.choice(FIRST)
        else:
            form = r.choice(NEXT)
        parts.append(form.replace("{n}", noun).replace("{l}", label).replace("{v}", v))
    free = [p for p, (_, _, what) in zip(parts, tool[2]) if what == "text"]
    rest = [p for p in parts if p not in free]
    if r.random() < 0.3:
        r.shuffle(rest)
    act = r.choice(talk.choices(SAME[verb])) if verb in SAME and r.random() < 0.35 else verb
    shown = " ".join(rest)
    # Where a value is a word like others, these must be words of no meaning.
    around = sentences.salad if any(w in words.KNOWN for v in arguments.values() for w in str(v).lower().split()) else sentences.filler
    hint = "" if noun in shown else r.choice([" the " + noun, " " + noun, "", " a " + noun])
    form = r.random()
    if form < 0.4:
        text = f"{r.choice(BEFORE)}{act}{hint} {shown}"
    elif form < 0.5:
        text = f"{shown}: {act}{hint}"
    elif form < 0.6:
        text = f"{shown}, {act} it"
    elif form < 0.7:
        text = f"{r.choice(['the', 'my', 'this', 'that', 'our'])} {noun} {shown} {around(r, 4) or 'again'}, {act} it" if r.random() < 0.5 else f"{around(r, 5) or 'well'}, {r.choice(BEFORE)}{act} {shown}"
    elif form < 0.8:
        text = f"{r.choice(['where is', 'how is', 'what about', 'is there', 'tell me about', 'who knows', 'what is', 'show me', 'has'])}{hint} {shown}{r.choice(['', ' ' + around(r, 3)])}"
    else:
        # Any words around what is to be given, and a hint which tool is meant.
        pieces = rest + r.sample([verb, noun], r.randrange(1, 3))
        r.shuffle(pieces)
        text = " ".join(w for p in pieces for w in (around(r, 3), p) if w)
        if r.random() < 0.4:
            text += " " + (around(r, 3) or "please")
    if free and not rest and r.random() < 0.3:
        v = spoken(r, arguments[tool[2][0][0]])
        text = f"{r.choice([act, noun, 'the ' + noun, act + ' ' + r.choice(['up', 'it', 'this', 'here', 'on', 'in', 'off', 'out']), 'a ' + noun, 'one more ' + noun, act + ' ' + noun])}{r.choice([': ', ': ', ' - ', ', ', ' '])}{v}"
    elif free:
        text = f"{text} {' '.join(free)}" if rest else f"{r.choice(BEFORE)}{act} a {noun} {' '.join(free)}"
    elif r.random() < 0.3:
        text += r.choice(AFTER)
    return " ".join(text.split()).replace(" : ", ": ")


def calc(r):
    """A sum in words of all kinds, and the expression."""
    said, expression = talk.sum_(r, plain=True)
    form = r.random()
    if form < 0.35:
        before = r.choice(["what is", "calculate", "work out", "how much is", "i need", "give me", "solve", "find", "compute", "do the sum", "please add up", "my homework:", "the value of", "result:", "evaluate", "tell me", "i wonder how much is", "quick,", "next:", "check this:", "and", "then", "sum:", "what do you get for", "it should be", "the bill says"])
        text = f"{before} {said}"
    elif form < 0.6:
        text = f"{said} {r.choice(['is what', 'equals', 'please', '= ?', 'gives', 'is how much', 'in total', 'as a number', 'if you can', 'for me', 'right', 'and then', 'comes to what', 'what is it', 'to check', 'exactly', 'is the question', 'i mean'])}"
    else:
        text = f"{sentences.filler(r, 5)} {said} {sentences.filler(r, 4)}"
    return " ".join(text.split()), {"expression": expression}


def request(r, tool):
    """A request, as it is typed, and the arguments of the call."""
    if tool[0] == "calc":
        text, arguments = calc(r) if r.random() < 0.7 else tools.request(r, tool)
    elif tool[3] and isinstance(tool[3], str) and tool in tools.KNOWN:
        text, arguments = tools.request(r, tool)
    else:
        arguments = {a: fill(r, kind if isinstance(kind, list) or kind == "array" else what) for a, kind, what in tool[2]}
        text = asked(r, tool, arguments)
    text = words.written(r, text)
    if r.random() < 0.5 and not any(text.startswith(spoken(r, v)) for v in arguments.values()):
        text = text[0].upper() + text[1:]
    return text + r.choice(["", "", "", "?", ".", ".", "!"]), arguments


def some(r):
    """One to four tools to choose from."""
    out = []
    for _ in range(r.choice([1, 2, 2, 3, 3, 4])):
        x = r.random()
        tool = invent(r) if x < 0.4 else r.choice(known.KNOWN) if x < 0.62 else r.choice(everyday.EVERYDAY) if x < 0.84 else r.choice(tools.KNOWN) if x < 0.9 else tools.CALC
        if tool[0] not in [t[0] for t in out]:
            out.append(tool)
    return out
