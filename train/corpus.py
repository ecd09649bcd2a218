"""The corpus: conversations made by a grammar, each from a seed.

    python3 corpus.py [SEED]      prints some

A conversation is a list of (role, text). What there is of each kind is in MIX.
"""
import collections
import json
import os
import random
import re
import sys

import calls
import invented
import noise
import talk
import tools
import words

HERE = os.path.dirname(os.path.abspath(__file__))
MIX = {"question": 0.08, "docs": 0.04, "invented": 0.39, "restate": 0.04, "tool": 0.28, "small": 0.07, "strange": 0.08, "known": 0.02}

DO = [
    "how do i {}", "how can i {}", "how to {}", "how would i {}", "i want to {}", "what is the command to {}", "which command do i use to {}", "show me how to {}", "tell me how to {}",
    "what do i do to {}", "i need to {}", "can you tell me how to {}", "what is the way to {}", "is there a way to {}", "can i {}", "explain how to {}", "how does one {}", "i would like to {}",
    "where do i {}", "steps to {}", "{}", "help me {}", "how do we {}", "please help me to {}", "what must i do to {}", "i am trying to {}",
]
WHAT = ["what is {}", "what are {}", "tell me about {}", "explain {}", "what does {} mean", "what do you know about {}", "describe {}", "{}", "can you explain {}", "i do not understand {}", "what's {}"]
COMMON = set("the a an of and or to in is it its that this are be by for with as at on not no what which who how one has have from all can may will was were there their they them than then when where while if so but each other others more most only also such into out up does do done than any must".split())


def tokens(text):
    return re.findall(r"[a-z0-9_]+", text.lower())


def load_phrasings():
    out, heading = collections.defaultdict(list), None
    with open(os.path.join(HERE, "..", "infer", "guide", "asked.txt")) as f:
        for line in f:
            line = line.strip()
            if line.startswith("= "):
                heading = line[2:]
            elif ":" in line and not line.startswith("#"):
                kind, rest = line.split(":", 1)
                out[heading] += [(kind, p) for p in talk.choices(rest)]
    return dict(out)


class Docs:
    """The passages of the docs, and which of them resemble each other."""

    def __init__(self):
        with open(os.path.join(HERE, "passages.jsonl")) as f:
            self.all = [json.loads(line) for line in f]
        self.questions = [p for p in self.all if p["Page"] == "questions" and p["Title"] != "Questions and answers"]
        self.others = [p for p in self.all if p["Page"] != "questions" and len(p["Text"]) >= 25]
        self.count = collections.Counter()
        self.having = collections.defaultdict(list)
        for i, p in enumerate(self.all):
            for w in set(tokens(p["Title"] + " " + p["Text"])):
                self.count[w] += 1
                self.having[w].append(i)

    def like(self, r, p, asked):
        """Another passage, mostly one that shares rare words with p or the question."""
        if r.random() < 0.75:
            own = [w for w in set(tokens(asked)) | set(r.sample(tokens(p["Text"]) or ["x"], 1)) if 1 < self.count[w] < 80 and w not in COMMON]
            if own:
                own.sort()
                q = self.all[r.choice(self.having[r.choice(own)])]
                if q is not p:
                    return q
        return r.choice(self.all)


def full(p):
    return (p["Text"] + (" `" + p["Example"] + "`" if p["Example"] else "")).strip()


def shown(passages):
    """Passages as the model is shown them."""
    return "\n".join(f"[{i}] {title.rstrip('?')}: {text}" for i, (title, text) in enumerate(passages, 1))


class Corpus:
    def __init__(self, seed, mix=None):
        self.r = random.Random(seed)
        self.docs = Docs()
        self.phrasings = load_phrasings()
        for p in self.docs.questions:
            if p["Title"] not in self.phrasings:
                raise ValueError("no phrasings for: " + p["Title"])
        mix = mix or MIX
        self.kinds, self.weights = list(mix), list(mix.values())

    def next(self):
        """A conversation, and of which kind it is."""
        kind = self.r.choices(self.kinds, self.weights)[0]
        return kind, getattr(self, "make_" + kind)()

    def given(self, passages, asked, answer, typed=True):
        """A conversation in which passages are given: by the guide, or by a user, who
        asks as people type."""
        r = self.r
        if typed:
            asked = noise.phrase(r, asked)
        if r.random() < 0.75:
            return [("system", shown(passages)), ("user", asked), ("assistant", answer)]
        text = shown(passages)
        return [("user", text + "\n\n" + asked if r.random() < 0.5 else asked + "\n\n" + text), ("assistant", answer)]

    def among(self, p, asked):
        """A passage among others: all of them, and the number of the right one."""
        r = self.r
        others = [r.choice(self.docs.questions) if r.random() < 0.3 else self.docs.like(r, p, asked) for _ in range(r.choice([0, 1, 1, 2, 2]))]
        others = [o for o in others if o["Title"] != p["Title"] or o["Page"] != p["Page"]]
        # What is found first is mostly right.
        at = 0 if r.random() < 0.6 else r.randrange(len(others) + 1)
        others.insert(at, p)
        return [(o["Title"], full(o)) for o in others], at + 1

    def asked(self, title):
        r = self.r
        if r.random() < 0.08:
            return title.rstrip("?")[0].lower() + title.rstrip("?")[1:]
        kind, text = r.choice(self.phrasings[title])
        if kind == "do":
            return r.choice(DO).format(text)
        if kind == "what":
            return r.choice(WHAT).format(text)
        return text

    def make_question(self):
        p = self.r.choice(self.docs.questions)
        asked = self.asked(p["Title"])
        passages, at = self.among(p, asked)
        return self.given(passages, asked, f"{full(p)} [{at}]")

    def make_known(self):
        """A fact about Sluice without a passage: the first ones of the page."""
        p = self.r.choice(self.docs.questions[:5])
        return [("user", noise.phrase(self.r, self.asked(p["Title"]))), ("assistant", full(p))]

    def make_docs(self):
        """A question about any passage of the docs, by its words."""
        r, d = self.r, self.docs
        p = r.choice(d.others)
        text = p["Text"]
        row = re.match(r"^([A-Za-z ]+?) (`[^`]+`)(?:, `[^`]+`)*; (.*)$", text)
        if row and r.random() < 0.9:
            what, key, _ = row.groups()
            bare = key if r.random() < 0.4 else key.strip("`")
            default = re.search(r"default: (`[^`]+`|[^;]+)", text)
            if default and r.random() < 0.4:
                asked = r.choice(["what is the default of {}", "default of {}", "what is {} by default", "which default has {}", "what value has {} if i do not set it", "default value for {}", "how is {} set by default"]).format(bare)
                answer = f"The default of {key} is {default.group(1).rstrip('.')}."
            else:
                asked = r.choice(["what is {}", "what does {} mean", "what does {} do", "tell me about {}", "explain {}", "what is the " + what + " {}", "{}", "what is {} for", "when do i need {}", "what about {}", "i saw {}, what is it"]).format(bare)
                answer = text
            passages, at = self.among(p, asked)
            return self.given(passages, asked, f"{answer} [{at}]")
        sentences = [s for s in re.split(r"(?<=[.!?]) (?=[A-Z`])", text) if 25 <= len(s) <= 230] or [text]
        sentence = r.choice(sentences)
        rare = sorted({w for w in re.findall(r"`[^`]+`|[A-Za-z_][A-Za-z_0-9-]{3,}", sentence) if w.lower() not in COMMON}, key=lambda w: d.count[w.strip("`").lower()])
        if not rare or r.random() < 0.2:
            title = p["Title"]
            asked = r.choice(["what about {}", "tell me about {}", "explain {}", "{}", "how does it work with {}", "what is there to know about {}"]).format(title[0].lower() + title[1:])
            answer = sentences[0] if len(sentences[0]) > 60 or len(sentences) == 1 else sentences[0] + " " + sentences[1]
        else:
            picked = [w.strip("`") for w in rare[: r.randrange(2, 5)]]
            r.shuffle(picked)
            a, b = picked[0], picked[-1]
            many = ["what about {a} and {b}", "how does {a} work with {b}", "what does {a} have to do with {b}", "tell me about {a} and {b}", "{a} {b}", "what happens to {a} when {b}", "is there anything about {a} and {b}", "how is {a} related to {b}"]
            one = ["what about {a}", "tell me about {a}", "what is said about {a}", "how does {a} work", "{a}", "explain {a}", "what do the docs say about {a}", "when does {a} matter", "why {a}", "where is {a}"]
            asked = r.choice(many if len(picked) > 1 and r.random() < 0.6 else one).format(a=a, b=b)
            answer = sentence
        if p["Example"] and answer == sentences[-1]:
            answer = f"{answer} `{p['Example']}`"
        passages, at = self.among(p, asked)
        return self.given(passages, asked, f"{answer} [{at}]")

    def make_invented(self):
        """Invented facts, and one question about them or several."""
        r = self.r
        passages, questions = invented.conversation(r, r.choice([1, 1, 2, 2, 3]))
        most = 1 if r.random() < 0.15 else 8
        asked, answer, at = questions[0]
        out = self.given(passages, asked, f"{answer} [{at + 1}]", typed=False)
        for asked, answer, at in questions[1:most]:
            out += [("user", asked), ("assistant", f"{answer} [{at + 1}]")]
        return out

    def make_restate(self):
        """A passage, or what was just said, word for word: the school of copying."""
        r = self.r
        if r.random() < 0.4:
            text = " ".join(words.word(r) if r.random() < 0.6 else words.value(r) for _ in range(r.randrange(3, 16)))
            asked = r.choice(["repeat: {}", "say: {}", "repeat after me: {}", "please say {}", "write this again: {}", "copy this: {}", "{}\n\nrepeat that", "echo {}", "quote: {}"])
            return [("user", asked.format(text)), ("assistant", text)]
        n = r.choice([1, 2, 2, 3])
        if r.random() < 0.5:
            passages = [(p["Title"], full(p)) for p in r.sample(self.docs.all, n)]
        else:
            passages = invented.conversation(r, n)[0]
        at = r.randrange(n)
        number = r.choice([["1", "one", "first"], ["2", "two", "second"], ["3", "three", "third"]][at][:2])
        asked = r.choice(["restate passage {n}", "what does passage {n} say", "repeat passage {n}", "quote [{k}]", "what does [{k}] say", "give me passage {n} again", "what is in passage {n}", "tell me about {t}", "what does it say about {t}", "{t}", "read out {t}"])
        asked = asked.format(n=number, k=at + 1, t=passages[at][0].rstrip("?"))
        return self.given(passages, asked, f"{passages[at][1]} [{at + 1}]")

    def make_tool(self):
        r = self.r
        chosen = calls.some(r)
        system = tools.system(r, chosen)
        if r.random() < 0.05:
            asked, answer = talk.small(r)
            return [("system", system), ("user", noise.phrase(r, asked, False)), ("assistant", answer)]
        out = [("system", system)]
        for _ in range(1 if r.random() < 0.15 else r.randrange(3, 9)):
            tool = r.choice(chosen)
            asked, arguments = calls.request(r, tool)
            out += [("user", asked), ("assistant", tools.call(tool[0], arguments))]
        if r.random() < 0.25:
            k, v = r.choice(invented.NOUNS + ["result", "answer"]), words.value(r)
            said = v if r.random() < 0.5 else json.dumps({k: v})
            answer = f"The result is {v}." if said == v else f"The {k} is {v}."
            out += [("user", f"<tool_response>\n{said}\n</tool_response>"), ("assistant", answer)]
        return out

    def make_small(self):
        r = self.r
        out = []
        for _ in range(r.choice([1, 1, 1, 2, 3])):
            asked, answer = talk.small(r)
            out += [("user", noise.phrase(r, asked, r.random() < 0.4)), ("assistant", answer)]
        if r.random() < 0.15:
            out.insert(0, ("system", shown(self.found(asked))))
        return out

    def found(self, asked):
        """Passages that share a word with a question and do not answer it."""
        some = [self.docs.like(self.r, self.r.choice(self.docs.all), asked) for _ in range(self.r.choice([1, 1, 2, 3]))]
        return [(p["Title"], full(p)) for p in some]

    def make_strange(self):
        """What is beyond the model, with passages that do not help or without any."""
        r = self.r
        if r.random() < 0.15:
            asked, _ = talk.sum_(r)
            return [("user", noise.phrase(r, asked, False)), ("assistant", talk.SUMS)]
        asked = noise.phrase(r, talk.strange(r))
        out = [("user", asked), ("assistant", talk.BEYOND)]
        if r.random() < 0.4:
            out.insert(0, ("system", shown(self.found(asked))))
        return out


if __name__ == "__main__":
    c = Corpus(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    for _ in range(25):
        for role, text in c.next()[1]:
            print(f"<{role}> {text}")
        print("-" * 20)
