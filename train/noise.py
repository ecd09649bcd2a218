"""How people type: in lower case, in haste, politely, or not."""
import words

BEFORE = ["", "", "", "", "", "", "hi, ", "hello, ", "hey ", "please tell me, ", "quick question: ", "sorry, ", "ok so ", "so ", "um, ", "question: ", "one thing: ", "good morning, "]
AFTER = ["", "", "", "", "", "", "", " please", " thanks", " thank you", " with sluice", " in sluice", ", any idea", ", can you help"]


def typo(r, text):
    """Two letters swapped, one left out, doubled or replaced by a neighbour."""
    at = [i for i in range(1, len(text) - 1) if text[i].isalpha() and text[i - 1].isalpha() and text[i + 1].isalpha()]
    if not at:
        return text
    i = r.choice(at)
    kind = r.randrange(4)
    if kind == 0:
        return text[:i] + text[i + 1] + text[i] + text[i + 2 :]
    if kind == 1:
        return text[:i] + text[i + 1 :]
    if kind == 2:
        return text[:i] + text[i] + text[i:]
    return text[:i] + r.choice("etaoinsrhldcum") + text[i + 1 :]


def phrase(r, text, polite=True):
    """A question as somebody types it."""
    if polite:
        text = r.choice(BEFORE) + text
        if not text.endswith((".", "!", "?")):
            text += r.choice(AFTER)
    text = words.written(r, text)
    for _ in range(r.choice([0, 0, 0, 0, 0, 0, 1, 1, 2])):
        text = typo(r, text)
    end = r.random()
    if not text.endswith((".", "!", "?")):
        text += "?" if end < 0.55 else ("." if end < 0.62 else ("!" if end < 0.68 else ""))
    if r.random() < 0.5:
        text = text[0].upper() + text[1:]
    return text
