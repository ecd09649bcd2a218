"""Sentences that tell a fact, and questions for it, put together from parts, so that
hardly any shape is met twice. A fact is a name n, a kind k and a value v."""
import json

import english
import words

# Between a kind and its value.
IS = """is|was|remains|equals|reads|became|means|stays|will be|has been|is now|is still|used to be|should be|must be|can only be|comes to|amounts to|turned out to be|is given as|is known to be|is set to|is listed as|is said to be
|is believed to be|has always been|was fixed at|was raised to|was lowered to|was changed to|is shown as|is counted as|is printed as|is written as|was measured as|was found to be|went up to|fell to|is nothing but|would be|is simply|is officially
|is, of course,|is called|is marked as|has become|is limited to|is entered as|is kept at|appears as|looks like|goes by|corresponds to|was agreed to be|seems to be|is reported as|is estimated at|has to be|may be given as|is taken to be""".replace("\n", "").split("|")
# Between a name and a value that is its kind.
HAS = """has|uses|shows|carries|keeps|needs|takes|got|received|was given|requires|chose|wants|accepts|lists|reports|offers|bears|owns|holds|prefers|displays|announces|employs|enjoys|demands|likes|wears|features|expects|inherited|lost|found|adopted|works with|runs with|came with|starts with
|goes with|lives with|was built with|was seen with|is sold with|is shipped with|is run with|is shown with|is known for|is famous for|makes do with|was entered with|is registered with|cannot do without|is proud of|relies on|insists on|ended up with|returned with|begins with|never had anything but""".replace("\n", "").split("|")
WITH = ["{v} as {d} {k}", "{v} for {d} {k}", "{d} {k} {v}", "{d} {k} of {v}", "{v} ({d} {k})", "{d} {k}: {v}", "{d} {k}, {v}", "{v}, {d} {k}", "{d} {k}, which is {v}", "{v} by way of {k}", "{v} in place of {d} {k}", "{v} where others have {d} {k}", "{d} {k} \"{v}\"", "{k} {v}", "{d} {k} called {v}", "{d} {k} that is {v}"]
OF = "of|for|in|at|on|behind|inside|from|used by|given to|kept by|known to|chosen by|shown by|set by|belonging to|assigned to|printed on|seen on|wanted by|meant for|reserved for|that belongs to|which we use for|that somebody picked for|written on".split("|")
WHO = "They|Somebody|The team|A friend|Our neighbours|People|The office|The manual|This page|The table|The founders|Nobody else|The list|An old letter|The owner|Everybody|The newspaper|The law|The house|The machine|The last report|My colleague|A stranger|The committee|The label".split("|")
SENT = "assigned {n} {d} {k} of {v}|assigned the {k} {v} to {n}|wrote down {v} as the {k} of {n}|wanted {v} to be the {k} of {n}|put {v} on {n} as {d} {k}|call {v} the {k} of {n}|knows {v} as the {k} of {n}|says that {n} has {v} as {d} {k}|says that the {k} of {n} is {v}|found {d} {k} of {v} at {n}|found {v} when looking for the {k} of {n}|changed the {k} of {n} to {v}|set {n}'s {k} to {v}|lists {n} with {d} {k} of {v}|mentions {v}, the {k} of {n}|mentions the {k} of {n} ({v})|recommends {v} for the {k} of {n}|trusts {n} because of its {k}, {v}|asked for the {k} of {n} and heard {v}|measured {d} {k} of {v} for {n}|picked {v} as {k} for {n}|sold {n} with the {k} {v}|remember {n} for its {k}: {v}|believe that {v} is the {k} of {n}|denied that {n}'s {k} was {v}|told me {v} for the {k} of {n}".split("|")
DET = ["a", "the", "its", "their", "one", "a new", "the usual", "the same", "this", "an old", "the only", "the first", "every", "the right", "some", "a secret", "the official", "the local"]
LEAD = """In the spring,|Since Monday,|It is true that|As far as we know,|By the way:|Note that|Today,|After the move,|To be exact,|On paper,|Strange to say,|For some time|According to the plan,|If all goes well,|When it rains,|Before lunch|In this list,|Once again|Even now|Of course|Officially,|Between us,|Last week|Over the years|For the record:|Without doubt|In our town|Never forget:
|It was decided that|We hear that|Everyone agrees that|You should know that|In short,|As a rule,|Here|There,|Then|First,|Second,|At last|In the end|Meanwhile|Instead,|Besides,|However,|From next month on|Until Friday|All year|Some say that|In the beginning|Under the new rules|Whatever happens,|Like it or not,""".replace("\n", "").split("|")
TRAIL = """, as everybody knows| at the moment|, and nobody minds| (see below)| in this house|, for a while|, by the rules| again| from now on|, which is fine| since the merger|, so they say| in most cases|, though it may change| when asked|, at least on weekdays| and always will|, if the list is right| by default|, no matter what| for good reasons| these days|, and that is final| according to him|, not more and not less
| for everyone| but not for long|, believe it or not| on all floors| out of habit|, like last year| until further notice|, unless it is changed| without exception|; the rest is unknown|, they claim| and that was a surprise""".replace("\n", "").split("|")
# Sentences whose subject is nobody of the fact.
SUBJECT = "I|You|We|He|She|They|One|Who|Anyone|Visitors|My sister|Both of us|Most|Few|Any guest|Children|A clerk|The man next door".split("|")
MAY = "|||||will |can |must |should |would |could |did |might |do |may |never |always |often |just ".split("|")
VERB = "see|find|enter|note|expect|use|pick|buy|meet|hear|read|choose|type|keep|order|take|want|need|remember|print|write|report|count|guess|prefer|pay|carry|bring|spot|quote|mention|like|recall|accept|try|suggest|hold|sign|save|learn|miss|like to have".split("|")
BESIDE = "for {n}|at {n}|in {n}|with {n}|from {n}|of {n}|because of {n}|behind {n}|whenever {n} is open|before {n} begins|as soon as {n} comes up|since {n} changed|while {n} lasts|if {n} wants it|after a look at {n}|when it comes to {n}|as far as {n} goes|wherever {n} is used|to please {n}|on behalf of {n}|instead of asking {n}|once {n} is ready|unless {n} objects|near {n}|on {n}|until {n} ends|by way of {n}".split("|")
DONE = "was chosen|is used|is kept|was entered|was seen|is printed|had been noted|will do|is good|counts|serves|is meant|passes|went down|stands|was taken|is accepted|was picked|goes|is recorded|could be read|is valid|suffices|was decided on".split("|")
PLAIN = "It is said to be old.|Nobody knows why.|This was not always so.|More is told elsewhere.|It can be changed at any time.|The rest is as usual.|Ask before you change it.|That holds for all of them.|It is checked every day.|Others do the same.|There is nothing to add.|See the next page.|Visitors are welcome.|The door is at the back.|Please be on time.|It took three years.|Much has changed since.|We will see.|The weather was fine.|Nobody complained.".split("|")

OPEN = """what is|what's|tell me|give me|which is|i need|do you know|can you find|look up|please say|show me|find|i want|say|i am looking for|please give me|i would like to know|we need|what was|what about|how about|could you check|let me know|what do you have for|i wonder about|help me find|check|what does it say about|is there|read me|i have to know|can anybody give me|state|name|quickly,|and
|tell us|what do we know about|does it mention|my boss wants|someone asked for|i cannot remember|we are missing|what should i put for|can you see|hi, i want|sorry, what is|so what is|remember|where is|who knows|write down|just give me|list|quote|it should say|i lost|we forgot|search for|answer me:|let us see""".replace("\n", "").split("|")
ABOUT = ["the {k} of {n}", "{n}'s {k}", "the {k} for {n}", "the {k} that {n} has", "{n}: the {k}", "{n}, its {k}", "the {k} {n} has", "{k} {n}", "{n} {k}", "the {k} in {n}", "the {k} at {n}", "a {k} for {n}", "{k} of {n}", "the {k} which belongs to {n}", "for {n} the {k}", "about {n}: {k}", "{n} and its {k}", "which {k} {n} has", "what {k} {n} has", "the right {k} for {n}", "{n} ({k})", "the {k} as used by {n}", "the {k} with which {n} comes", "the {k} from {n}"]
DOES = ["what {k} does {n} have", "which {k} has {n}", "which {k} does {n} use", "what {k} is given for {n}", "which {k} belongs to {n}", "what is written as {k} of {n}", "does {n} have a {k}", "has {n} got a {k}", "how is the {k} of {n} given", "with which {k} does {n} come", "what must i enter as {k} for {n}", "what did they choose as {k} for {n}", "is there a {k} for {n}", "if i ask for the {k} of {n}, what is the answer", "in which {k} is {n}", "what {k} should i expect at {n}", "who knows which {k} {n} has", "what would be {n}'s {k}", "what makes the {k} of {n}", "how would you put {n}'s {k}"]
CLOSE = ["again", "please", "in that list", "now", "for me", "here", "by the way", "exactly", "do you think", "these days", "if you know", "then", "and nothing else", "in one word", "as far as you see", "today", "i ask", "according to this", "once more", "right now", "thanks", "before i go", "so i can write it down", "in short"]

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


def filler(r, most):
    """Some words before, between or behind: of no meaning, of every day, or out of the docs."""
    form = r.random()
    if form < 0.35:
        return salad(r, most)
    if form < 0.65:
        return " ".join(r.choice(SALAD if r.random() < 0.6 else english.WORDS) for _ in range(r.randrange(most + 1)))
    return words.fragment(r, most)


def keyed(r, n, pairs):
    """Kinds and values as lists, tables and files have them."""
    k, v = pairs[0]
    form = r.randrange(9)
    if form == 0:
        return f"{n}: " + ", ".join(f"{k}={v}" for k, v in pairs)
    if form == 1:
        return f"| {n} | " + " | ".join(f"{k}: {v}" for k, v in pairs) + " |"
    if form == 2:
        return f"{n} (" + "; ".join(f"{k} {v}" for k, v in pairs) + ")"
    if form == 3:
        return json.dumps({"name": n, **dict(pairs)})
    if form == 4:
        return f"- {n}: " + " - ".join(f"{k}: {v}" for k, v in pairs)
    if form == 5:
        return f"{n}: {{ " + ", ".join(f'{k}: "{v}"' for k, v in pairs) + " }"
    if form == 6:
        return f"[{n}] " + " ".join(f'{k} = "{v}"' for k, v in pairs)
    if form == 7:
        return f"{n}, " + ", ".join(f"{k} {v}" for k, v in pairs) + "."
    return f"`{n}`; " + "; ".join(f"{k}: {v}" for k, v in pairs) + "."


def loose(r, n, k, v):
    """Any words around the name, the kind if there is one, and the value."""
    parts = [n, k, v] if k else [n, v]
    # Where the value is a word like others, these must be words of no meaning.
    around = salad if n.lower() in words.KNOWN or v.lower() in words.KNOWN else filler
    r.shuffle(parts)
    said = " ".join(" ".join(w for w in (around(r, 4), p) if w) for p in parts)
    end = around(r, 3)
    said += (" " + end if end else "") + r.choice([".", ".", ".", ";", "!", ""])
    if r.random() < 0.3:
        said = said.replace(" " + v, r.choice([", ", ": ", " = ", " - ", " (", ' "']) + v)
    return said


def clause(r, n, pairs):
    """A clause in good order about the first pair, or the first two."""
    d = r.choice(DET)
    k, v = pairs[0]
    form = r.random()
    if form < 0.27:
        the = r.choice(["the", "the", "the", "a", "this", "the new", "the old", "the only", "the first", "every", "the official"])
        own = r.choice([f"{the} {k} {r.choice(OF)} {n}", f"{n}'s {k}", f"{the} {k} that {n} {r.choice(HAS)}", f"{the} {k} {r.choice(OF)} {n}"])
        text = f"{own} {r.choice(IS)} {v}" if r.random() < 0.7 else f"{v} {r.choice(IS)} {own}"
    elif form < 0.58:
        text = f"{n} {r.choice(HAS)} " + r.choice(WITH).format(d=d, k=k, v=v)
    elif form < 0.77:
        text = f"{r.choice(WHO)} " + r.choice(SENT).format(d=d, k=k, v=v, n=n)
    elif form < 0.88:
        subject = f"{r.choice(SUBJECT)} {r.choice(MAY)}{r.choice(VERB)}" if r.random() < 0.8 else r.choice(VERB)
        parts = [subject + " " + r.choice(WITH).format(d=d, k=k, v=v), r.choice(BESIDE).format(n=n)]
        text = " ".join(parts) if r.random() < 0.7 else parts[1] + r.choice([", ", " "]) + parts[0]
    elif form < 0.91:
        text = f"{v} {r.choice(DONE)} {r.choice(['as', 'for', 'as', 'in place of', 'under'])} {d} {k} {r.choice(BESIDE).format(n=n)}"
    elif form < 0.95:
        text = f"{r.choice(['with', 'having', 'by', 'at', 'thanks to', 'despite', 'because of', 'under'])} {r.choice(WITH).format(d=d, k=k, v=v)}, {n} {r.choice(['is', 'was', 'does', 'goes', 'came', 'stays', 'will be'])} {filler(r, 3) or 'there'}"
    else:
        text = f"{n} {r.choice(['is', 'was', 'came', 'stayed', 'works'])} {filler(r, 3) or 'here'}. {r.choice(['Its', 'Its', 'The', 'His', 'Her', 'Their'])} {k} {r.choice(IS)} {v}"
    for k, v in pairs[1:]:
        text += r.choice([f", and {r.choice(['its', 'the'])} {k} {r.choice(IS)} {v}", f" and {r.choice(WITH).format(d=d, k=k, v=v)}", f"; {r.choice(HAS)} {v} as {k}", f", but the {k} {r.choice(IS)} {v}", f", with {r.choice(WITH).format(d=d, k=k, v=v)}"])
    if r.random() < 0.3:
        text = r.choice(LEAD) + " " + text
    elif r.random() < 0.1:
        text = words.fragment(r, 6) + ", " + text
    if r.random() < 0.25:
        text += r.choice(TRAIL)
    elif r.random() < 0.12:
        text += r.choice([" ", ", ", ", and ", " because ", " while "]) + words.fragment(r, 6)
    return text + r.choice([".", ".", ".", ".", ".", "!", ";"])


def told(r, n, pairs, bare):
    """A sentence, or two, that tells the value of each kind. A bare one may leave out
    the kind."""
    form = r.random()
    text = clause(r, n, pairs) if form < 0.55 else keyed(r, n, pairs) if form < 0.7 else " ".join(loose(r, n, "" if bare and len(pairs) == 1 and r.random() < 0.2 else k, v) for k, v in pairs)
    return text[0].upper() + text[1:] if r.random() < 0.8 and not text.startswith(n) else text


def asked(r, n, k):
    """A question for the value of a kind."""
    form = r.random()
    if form < 0.3:
        text = r.choice(OPEN) + " " + r.choice(ABOUT)
    elif form < 0.4:
        text = r.choice(ABOUT)
    elif form < 0.6:
        text = r.choice(DOES)
    else:
        parts = ["{n}", "{k}"] if r.random() < 0.5 else ["{k}", "{n}"]
        text = r.choice(["", "", r.choice(OPEN) + " "]) + " ".join(w for p in parts for w in (filler(r, 3), p) if w)
    if r.random() < 0.15:
        text += r.choice([" ", ", ", "; "]) + r.choice(CLOSE)
    elif r.random() < 0.15:
        text += r.choice([" ", ", ", ", i mean "]) + (filler(r, 3) or "please")
    text = words.written(r, text).replace("{n}", n).replace("{k}", k)
    if r.random() < 0.4:
        text = text[0].upper() + text[1:]
    return text + r.choice(["?", "?", "?", ".", "", "", "!"])
