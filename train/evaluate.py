"""Makes the part of the evaluation that is made: infer/box/testdata/made.jsonl.

    python3 evaluate.py > ../infer/box/testdata/made.jsonl

Its sentences, questions and tools are none of the corpus's, but for the tools of
the kind taught: those are of the corpus, asked for with values of their own. What a
line has: kind (quote-1 to quote-3, by the number of passages; taught; tool, one that
is unseen; calc), messages, want.
"""
import json
import random

import calls
import corpus
import everyday
import known
import talk
import tools
import words

SEED = 20261122
SAY = ["You get {v} as the {k} when you ask {n}.", "At present the {k} of {n} stands at {v}.", "{n} settled for {v} as {k}.", "We gave {n} a {k} of {v}.", "Its {k} makes {n} special: {v}.", "The {k} on record for {n} is {v}."]
ASK = ["any idea what the {k} of {n} might be?", "could somebody tell me {n}'s {k}?", "Remind me: what was the {k} for {n}?", "I forgot the {k} of {n}.", "{n}: which {k}, please?", "where do I stand with {n}, I mean the {k}"]
TOOLS = [
    ("book_table", "Books a table in a restaurant", [("restaurant", "string", "name"), ("guests", "integer", "small")], "reserve a table for {guests} people at {restaurant} | a table at {restaurant} for {guests}, please"),
    ("lookup_employee", "Finds an employee by name", [("name", "string", "name")], "who is {name} in our company | pull up the record of {name}"),
    ("restart_service", "Restarts a service", [("service", "string", "name")], "the service {service} hangs, restart it | bounce {service} for me"),
    ("get_exchange_rate", "The rate between two currencies", [("from", "string", "symbol"), ("to", "string", "symbol")], "how many {to} do I get for one {from} | exchange rate from {from} to {to}"),
    ("track_parcel", "Tracks a parcel", [("tracking_code", "string", "code")], "has my parcel {tracking_code} arrived yet | where on earth is parcel {tracking_code}"),
    ("set_temperature", "Sets the temperature of a room", [("room", "string", "name"), ("degrees", "integer", "small")], "make it {degrees} degrees in {room} | heat {room} to {degrees} degrees"),
    ("add_note", "Writes a note", [("text", "string", "topic")], "note down: {text} | take a note that says {text}"),
    ("query_logs", "Searches the logs of a host", [("host", "string", "name"), ("lines", "integer", "number")], "show me {lines} log lines of {host} | give me the last {lines} lines that {host} logged"),
]


def quote(r, n):
    """n passages of one to three facts each, and a question about one fact."""
    passages, facts = [], []
    for i in range(n):
        own = [(words.name(r), r.choice(corpus.invented.NOUNS), words.value(r)) for _ in range(r.randrange(1, 4))]
        facts.append(own)
        passages.append((words.word(r), " ".join(r.choice(SAY).format(n=a, k=k, v=v) for a, k, v in own)))
    a, k, v = r.choice(r.choice(facts))
    return {"kind": f"quote-{n}", "messages": [["system", corpus.shown(passages)], ["user", r.choice(ASK).format(n=a, k=k)]], "want": v}


def tool(r, calc):
    chosen = [tools.CALC if calc else r.choice(TOOLS)]
    for _ in range(r.choice([0, 1, 2])):
        other = r.choice([r.choice(TOOLS), tools.invented(r), r.choice(tools.KNOWN), tools.CALC])
        if other[0] not in [t[0] for t in chosen]:
            chosen.append(other)
    system = tools.system(r, chosen)
    if calc:
        _, expression = talk.sum_(r)
        asked = r.choice(["Could you tell me the result of {}?", "I have to know what {} comes to.", "How much would {} be?", "{} makes what?"]).format(expression)
        arguments = {"expression": expression}
    else:
        asked, arguments = tools.request(r, chosen[0])
        asked = asked[0].upper() + asked[1:]
    return {"kind": "calc" if calc else "tool", "messages": [["system", system], ["user", asked]], "want": {"name": chosen[0][0], "arguments": arguments}}


def taught(r):
    """A request for a tool of the corpus, among others."""
    chosen = [r.choice(known.KNOWN + everyday.EVERYDAY)]
    for _ in range(r.choice([0, 1, 2])):
        other = r.choice([r.choice(known.KNOWN + everyday.EVERYDAY), tools.invented(r), r.choice(tools.KNOWN), tools.CALC])
        if other[0] not in [t[0] for t in chosen]:
            chosen.append(other)
    asked, arguments = calls.request(r, chosen[0])
    return {"kind": "taught", "messages": [["system", tools.system(r, chosen)], ["user", asked]], "want": {"name": chosen[0][0], "arguments": arguments}}


def main():
    r = random.Random(SEED)
    for n in (1, 2, 3):
        for _ in range(50):
            print(json.dumps(quote(r, n)))
    for _ in range(70):
        print(json.dumps(tool(r, False)))
    for _ in range(30):
        print(json.dumps(tool(r, True)))
    for _ in range(100):
        print(json.dumps(taught(r)))


if __name__ == "__main__":
    main()
