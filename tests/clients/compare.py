# SPDX-License-Identifier: MIT
"""What a command printed, as fields, and how two hypervisors' fields compare.

A recording is a list of steps: {"run": command, "status": number, "fields":
{name: value}}. The same script makes one on each hypervisor. Two recordings
are the same if every step ended alike and printed the same fields with the
same values, but for what EXCEPTIONS (exceptions.py) allows.
"""

import json
import re
from xml.etree import ElementTree

from exceptions import EXCEPTIONS


def keyed(text):
    """`name : value` lines, as of `xl info`; other lines by their words."""
    fields, rest = {}, []
    for line in text.split("\n"):
        m = re.match(r"(\w[\w ]*?)\s*:(?: (.*))?$", line)
        if m and m.group(1) not in fields:
            fields[m.group(1)] = (m.group(2) or "").strip()
        else:
            rest.append(line)
    return {**fields, **words("\n".join(rest))}


def words(text):
    """Lines of words, as of tables: FIRST/N is the N-th word of the line that
    begins with FIRST, FIRST#2 the second such line."""
    fields, seen = {}, {}
    for line in text.split("\n"):
        parts = line.split()
        if not parts:
            continue
        seen[parts[0]] = nr = seen.get(parts[0], 0) + 1
        name = parts[0] if nr == 1 else f"{parts[0]}#{nr}"
        fields[name] = str(len(parts))
        fields.update({f"{name}/{i}": word
                       for i, word in enumerate(parts[1:], 1)})
    return fields


def lines(text):
    """Messages: whole lines, in their order."""
    return {str(i): line.strip() for i, line in enumerate(text.split("\n"), 1)
            if line.strip()}


def messages(text):
    """Each line, wherever it stands: of processes that write at once. Numbers
    of domains and processes are left out."""
    return {re.sub(r"Domain \d+|\[\d+\]", "N", line.strip()): ""
            for line in text.splitlines() if line.strip()}


def store(text):
    """The store below a path, as of `xenstore-ls -f`: path = "value"."""
    return dict(re.findall(r'^(/\S*) = "(.*)"', text, re.M))


def registers(text):
    """Of xenctx: which registers it tells of, and that it walks the stack."""
    names = re.findall(r"\b([a-z]\w+): +[\da-f]|\n(Stack|Call Trace)", text)
    return {a or b: "" for a, b in names}


def nothing(_):
    """Only how the command ended."""
    return {}


def tree(text):
    """JSON: /a/b/0 is element 0 of b of a."""
    fields = {}

    def walk(path, value):
        if isinstance(value, (dict, list)):
            pairs = value.items() if isinstance(value, dict) \
                else enumerate(value)
            for key, below in pairs:
                walk(f"{path}/{key}", below)
        else:
            fields[path] = str(value)

    walk("", json.loads(text))
    return fields


def xml(text):
    """XML: /a/b#2/@c is the attribute c of the second b in a."""
    fields = {}

    def walk(path, element):
        fields[path] = (element.text or "").strip()
        fields.update({f"{path}/@{k}": v for k, v in element.attrib.items()})
        seen = {}
        for below in element:
            seen[below.tag] = nr = seen.get(below.tag, 0) + 1
            walk(f"{path}/{below.tag}" + (f"#{nr}" if nr > 1 else ""), below)

    root = ElementTree.fromstring(text.strip())
    walk("/" + root.tag, root)
    return fields


def allowed(command, field, values):
    """Tells whether an exception covers these values (None: no such field)."""
    for of_command, of_field, may_be, _ in EXCEPTIONS:
        if re.search(of_command, command) and re.fullmatch(of_field, field):
            found = [re.fullmatch(may_be, v if v is not None else "ABSENT")
                     for v in values]
            if all(found) and found[0].groups() == found[1].groups():
                return True
    return False


def differences(theirs, ours):
    """Returns one line for each difference that no exception allows."""
    found = []
    if [s["run"] for s in theirs] != [s["run"] for s in ours]:
        return ["the recording is of another script: make it again"]
    for one, other in zip(theirs, ours):
        command = one["run"]
        ends = str(one["status"]), str(other["status"])
        if ends[0] != ends[1] and not allowed(command, "status", ends):
            found.append(f"{command}: status {ends[0]} on Xen, "
                         f"{ends[1]} here: {other['fields']}")
            continue
        for field in sorted({*one["fields"], *other["fields"]}):
            values = one["fields"].get(field), other["fields"].get(field)
            if values[0] != values[1] and not allowed(command, field, values):
                found.append(f"{command}: {field}: {values[0]!r} on Xen, "
                             f"{values[1]!r} here")
    return found
