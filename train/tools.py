"""Calls of tools: definitions, requests, calls in the form of Qwen3's template."""
import json

import sentences
import talk
import words

HEAD = """# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
"""
FOOT = """
</tools>

For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:
<tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call>"""

# name, description, arguments with their type and what fills them, requests
KNOWN = [
    ("get_weather", "The weather of a city", [("city", "string", "place")],
     "what is the weather in {city} | how is the weather in {city} | weather {city} | is it raining in {city} | tell me the weather for {city} | do i need an umbrella in {city} | how warm is it in {city}"),
    ("search", "Searches the web", [("query", "string", "topic")],
     "search for {query} | look up {query} | find something about {query} | google {query} | search the web for {query} | what does the web say about {query}"),
    ("send_mail", "Sends an e-mail", [("to", "string", "name"), ("subject", "string", "topic")],
     "send a mail to {to} about {subject} | write to {to} with the subject {subject} | mail {to}, subject {subject} | e-mail {to} about {subject}"),
    ("set_timer", "Starts a timer", [("minutes", "integer", "small")],
     "set a timer for {minutes} minutes | wake me in {minutes} minutes | timer {minutes} minutes | start a {minutes} minute timer | remind me in {minutes} minutes"),
    ("translate", "Translates a text", [("text", "string", "topic"), ("language", "string", "tongue")],
     "translate {text} into {language} | what is {text} in {language} | say {text} in {language} | put {text} into {language}"),
    ("get_order", "Looks up an order", [("order_id", "string", "code")],
     "where is order {order_id} | look up order {order_id} | status of {order_id} | find order {order_id} | what happened to order {order_id}"),
    ("create_ticket", "Creates a ticket", [("title", "string", "topic"), ("priority", "integer", "digit")],
     "create a ticket {title} with priority {priority} | open a ticket about {title}, priority {priority} | file {title} as a ticket with priority {priority}"),
    ("set_light", "Switches the light of a room", [("room", "string", "name"), ("on", "boolean", "bool")],
     "turn the light in {room} {on} | switch {on} the light in {room} | light {on} in {room}"),
    ("get_balance", "The balance of an organisation", [("organisation", "string", "name")],
     "what is the balance of {organisation} | how much has {organisation} left | show me the balance of {organisation} | balance {organisation}"),
    ("read_file", "Reads a file", [("path", "string", "path")],
     "read {path} | open the file {path} | show me {path} | what is in {path} | cat {path} | print the contents of {path}"),
    ("run_command", "Runs a command in a shell", [("command", "string", "command")],
     "run {command} | execute {command} | run the command {command} | please run {command} in the shell"),
    ("get_price", "The price of a stock", [("symbol", "string", "symbol")],
     "what is the price of {symbol} | price of {symbol} | how much is a share of {symbol} | quote {symbol}"),
    ("play", "Plays a song", [("song", "string", "topic"), ("volume", "integer", "small")],
     "play {song} at volume {volume} | put on {song}, volume {volume} | i want to hear {song} at {volume}"),
]
CALC = ("calc", "Calculates an arithmetic expression", [("expression", "string", "sum")], "")
VERBS = "find get show list check open close start stop delete update count measure book cancel move copy scan lock rate fetch make send call print order paint build clean load save read write join leave reset sync test track watch wash weigh verify approve archive assign attach block charge compare create describe download export filter hide import index install invite lookup merge notify pause plan play publish query".split()
NOUNS = "user device room report sensor ticket account file meeting server alarm route image task contract key event invoice lamp door window car train flight hotel song film book page photo printer camera robot pump valve field garden shop market price stock bill loan tax shift team player match course exam pupil teacher patient doctor drug lab sample test rule map city street house floor wall roof boat ship plane bus stop line box bag bottle plant tree dog cat bird fish recipe meal cup machine engine part tool screw record branch commit issue queue topic channel message mail letter phone".split()
KINDS = "id name code label number place title city date target source owner color model key path text value reason kind type group user term query subject region zone unit mode lang tag ref serial".split()
SECOND = "limit amount days level size floor count minutes hours speed volume width height weight page rank seats copies port percent seed depth year age quantity rooms".split()
def fill(r, kind):
    if kind == "place":
        return r.choice(talk.SLOT["place"]) if r.random() < 0.4 else words.name(r)
    if kind == "topic":
        return " ".join(r.choice([words.word(r), r.choice(NOUNS), r.choice("old new red blue late cold lost big small".split())]) for _ in range(r.randrange(1, 4)))
    if kind == "tongue":
        return r.choice(talk.SLOT["tongue"])
    if kind == "code":
        return words.code(r)
    if kind == "small":
        return r.randrange(1, 120)
    if kind == "digit":
        return r.randrange(1, 10)
    if kind == "number":
        return r.randrange(1, 10 ** r.randrange(1, 5))
    if kind == "bool":
        return r.random() < 0.5
    if kind == "path":
        return "/".join(words.word(r) for _ in range(r.randrange(1, 4))) + r.choice([".txt", ".go", ".md", ".json", ".yaml", ""])
    if kind == "command":
        return r.choice(["ls {}", "git log {}", "cat {}", "go test ./{}", "rm {}", "mkdir {}", "grep {} notes.txt", "echo {}"]).format(words.word(r))
    if kind == "symbol":
        return "".join(r.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(r.randrange(2, 5)))
    return words.name(r)


ASKS = [
    "{V} {N} {a}", "{V} the {N} {a}", "please {V} the {N} {a}", "can you {V} {N} {a}", "i want you to {V} the {N} {a}", "{N} {a}: {V} it", "i need to {V} {N} {a}", "could you {V} the {N} called {a}", "{V} {a}",
    "the {N} {a} please", "about the {N} {a}: please {V}", "it is time to {V} the {N} {a}", "would you {V} {a} for me", "{a} is the {N} to {V}", "do {V} the {N} {a}", "let us {V} {N} {a}", "what about {N} {a}, {V} it",
    "{V} a {N} for {a}", "{V} the {N} of {a}", "we have to {V} the {N} in {a}", "{V} {N} at {a}", "my {N} is {a}, please {V} it", "how is the {N} {a} doing", "is there a {N} {a}", "{N} {a}?", "tell me about {N} {a}",
]
WITH = [
    "{t} with {s} {n}", "{t}, {s} {n}", "{t} and {s} {n}", "{t}, {n} {s}", "{t} for {n} {s}", "{t} at {s} {n}", "{t}. The {s} is {n}", "with {s} {n}, {t}", "{n} {s}: {t}", "{t} ({s}: {n})", "{t} by {n}", "{t} to {n}", "set {s} to {n} and {t}", "{t}, make it {n} {s}",
]
TWO = ["{t} to {b}", "{t} from {b}", "{t}, {l} {b}", "{t} with {l} {b}", "{t} for {b}", "{t} in {b}", "{t} and {b}", "{t}. {l}: {b}", "for {b}, {t}", "{t} as {b}", "{t} using {l} {b}"]


def invented(r):
    """A tool that does not exist, with one to three arguments."""
    verb = r.choice(VERBS) if r.random() < 0.8 else words.word(r)
    noun = r.choice(NOUNS) if r.random() < 0.6 else words.word(r)
    names = [noun + "_" + r.choice(KINDS), r.choice(KINDS), noun, words.word(r)]
    first = r.choice(names)
    args = [(first, "string", r.choice(["name", "code", "name", "topic", "place"]))]
    asks = [a.replace("{V}", verb).replace("{N}", noun).replace("{a}", "{" + first + "}") for a in r.sample(ASKS, 4)]
    if r.random() < 0.25:
        second = r.choice([k for k in KINDS if k != first] + [words.word(r)])
        args.append((second, "string", r.choice(["name", "code", "tongue", "symbol"])))
        asks = [r.choice(TWO).replace("{t}", a).replace("{l}", second.replace("_", " ")).replace("{b}", "{" + second + "}") for a in asks]
    if r.random() < 0.4:
        number = r.choice(SECOND) if r.random() < 0.8 else words.word(r)
        if number not in [a for a, _, _ in args]:
            args.append((number, "integer", r.choice(["number", "small", "digit"])))
            asks = [r.choice(WITH).replace("{t}", a).replace("{s}", number).replace("{n}", "{" + number + "}") for a in asks]
    if r.random() < 0.45:
        # Any words around what is to be given.
        several = sum(kind == "string" for _, kind, _ in args) > 1
        slots = [(a.replace("_", " ") + " " if several else "") + "{" + a + "}" if kind == "string" else r.choice(["{" + a + "}", a.replace("_", " ") + " {" + a + "}", "{" + a + "} " + a.replace("_", " ")]) for a, kind, _ in args]
        hints = r.sample([verb, noun, noun, first.replace("_", " ")], r.randrange(1, 3))
        pieces = slots + hints
        r.shuffle(pieces)
        asks = [" ".join(w for p in pieces for w in (sentences.salad(r, 2), p) if w)]
    if r.random() < 0.25:
        r.shuffle(args)
    name = r.choice([f"{verb}_{noun}", f"{verb}_{noun}", verb + noun.capitalize(), f"{noun}_{verb}", noun, f"{verb}_{noun}_{r.choice(KINDS)}", f"{noun}-{verb}"])
    about = r.choice([f"{verb.capitalize()}s a {noun}", f"{verb} a {noun}", f"Tool to {verb} the {noun}", f"{noun.capitalize()}: {verb}", f"To {verb} {noun}s", f"This can {verb} a {noun} by its {first.replace('_', ' ')}"])
    return (name, about, args, " | ".join(asks))


def definition(r, tool, spaced):
    name, about, args, _ = tool
    properties = {}
    for a, kind, _ in args:
        properties[a] = {"type": "string", "enum": kind} if isinstance(kind, list) else {"type": kind, "items": {"type": "string"}} if kind == "array" else {"type": kind}
        if r.random() < 0.15:
            properties[a]["description"] = "The " + a.replace("_", " ")
    function = {"name": name, "description": about, "parameters": {"type": "object", "properties": properties, "required": [a for a, _, _ in args]}}
    if r.random() < 0.1:
        del function["description"]
    return json.dumps({"type": "function", "function": function}, separators=(", ", ": ") if spaced else (",", ":"))


def call(name, arguments):
    return "<tool_call>\n" + json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False) + "\n</tool_call>"


def system(r, tools):
    order = list(tools)
    r.shuffle(order)
    spaced = r.random() < 0.5
    before = "" if r.random() < 0.8 else r.choice(["You are a helpful assistant.", "Be brief.", "Use the tools."]) + "\n\n"
    return before + HEAD + "\n".join(definition(r, t, spaced) for t in order) + FOOT


def request(r, tool):
    """What is asked of a tool, and the arguments to be given."""
    if tool is CALC or tool[0] == "calc":
        asked, expression = talk.sum_(r)
        return asked, {"expression": expression}
    arguments = {a: fill(r, kind) for a, _, kind in tool[2]}
    text = r.choice(talk.choices(tool[3]))
    for a, v in arguments.items():
        said = {True: "on", False: "off"}.get(v, v) if isinstance(v, bool) else v
        text = text.replace("{" + a + "}", str(said))
    return text, arguments
