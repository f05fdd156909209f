"""What the guides in doc/ say to write and to run, for tests that do it.

A fenced block is found by what stands in backquotes in the last line before it, such as the path of
the file that it is the text of, or else by its language and place.
"""

import os
import re

import peers

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


class Block:
    def __init__(self, before, language, text):
        said = before.rstrip().splitlines() or [""]
        self.names = re.findall(r"`([^`]+)`", said[-1])
        self.language, self.text = language, text


def read(*path):
    with open(os.path.join(peers.TOP, *path)) as f:
        return f.read()


def blocks(guide, language=None):
    text, found, end = read("doc", guide), [], 0
    for m in FENCE.finditer(text):
        found.append(Block(text[end:m.start()], m[1], m[2]))
        end = m.end()
    return [b for b in found if language in (None, b.language)]


def block(guide, name):
    """The text of the one block that is introduced by this name."""
    found = [b.text for b in blocks(guide) if name in b.names]
    assert len(found) == 1, f"{len(found)} blocks for {name} in {guide}"
    return found[0]


def command(guide, start):
    """The one command of its shell blocks that begins so; lines that end in \\ are joined."""
    lines = "".join(b.text for b in blocks(guide, "sh")).replace("\\\n", " ").splitlines()
    found = [line for line in lines if line.startswith(start)]
    assert len(found) == 1, f"{len(found)} commands {start} in {guide}"
    return found[0]
