#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares include/public with Debian's independent copy of the ABI.

Every structure, member, type, constant and macro is found in our headers by
the compiler, so none can be forgotten. For each, a C statement prints what can
be known about it (size, offset, signedness, value); the statements are
compiled once with our headers and once with libxen-dev's, and the two outputs
must be equal. What cannot be printed needs an entry in exceptions.py.

usage: check.py BUILD_DIR
"""

import json
import re
import subprocess
import sys
from pathlib import Path

from exceptions import BEHAVIOUR, OURS_ONLY, SAMPLES

TOP = Path(__file__).resolve().parents[2]
PUBLIC = TOP / "include" / "public"
CFLAGS = ["-std=gnu11", "-w", "-m64"]
OURS = ["-I" + str(TOP / "include")]
THEIRS = ["-D__XEN_TOOLS__", "-D__XEN_INTERFACE_VERSION__=0x00041100"]

# Debian's ring.h wants its user to bring memory barriers.
PRELUDE = """
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
"""

HELPERS = """
static void out_str(const char *id, const char *s)
{
    printf("%s\\t\\"%s\\"\\n", id, s);
}
static void out_int(const char *id, __int128 v)
{
    if (v < 0)
        printf("%s\\t-%#llx\\n", id, (unsigned long long)-v);
    else
        printf("%s\\t%#llx\\n", id, (unsigned long long)v);
}
#define OUT(id, x) \\
    _Generic((x), char *: out_str, const char *: out_str, \\
             default: out_int)(id, x)
#define SIGN(x) \\
    _Generic((x), char: "char", signed char: "signed", short: "signed", \\
             int: "signed", long: "signed", long long: "signed", \\
             unsigned char: "unsigned", unsigned short: "unsigned", \\
             unsigned int: "unsigned", unsigned long: "unsigned", \\
             unsigned long long: "unsigned", default: "other")
#define TYPE(id, t) printf("%s\\tsize %zu\\n", id, sizeof(t))
#define MEMBER(id, t, m) \\
    printf("%s\\toffset %zu size %zu %s\\n", id, offsetof(t, m), \\
           sizeof(((t *)0)->m), SIGN(((t *)0)->m))
#define FLEX(id, t, m) \\
    printf("%s\\toffset %zu element %zu\\n", id, offsetof(t, m), \\
           sizeof(((t *)0)->m[0]))
#define BITS(id, t, m) \\
    do { \\
        t s; \\
        unsigned char *b = (unsigned char *)&s; \\
        memset(&s, 0, sizeof(s)); \\
        s.m = -1; \\
        printf("%s\\tbits", id); \\
        for (size_t i = 0; i < sizeof(s); i++) \\
            printf(" %02x", b[i]); \\
        printf("\\n"); \\
    } while (0)
"""


def headers():
    return sorted(p.relative_to(PUBLIC).as_posix() for p in PUBLIC.rglob("*.h"))


def includes(prefix):
    """xen.h first: Debian's other headers rely on it."""
    names = ["xen.h"] + headers()
    return PRELUDE + "".join(f"#include <{prefix}/{h}>\n" for h in names)


def our_macros():
    """name -> True when function-like, for macros defined in our headers."""
    text = subprocess.run(
        ["gcc", *CFLAGS, *OURS, "-E", "-dD", "-x", "c", "-"],
        input=includes("public"), capture_output=True, text=True, check=True,
    ).stdout
    macros, mine = {}, False
    for line in text.splitlines():
        if m := re.match(r'# \d+ "([^"]+)"', line):
            mine = Path(m.group(1)).is_relative_to(PUBLIC)
        elif mine and (m := re.match(r"#define (\w+)(\()?", line)):
            if not re.fullmatch(r"PUBLIC_\w+_H", m.group(1)):
                macros[m.group(1)] = m.group(2) is not None
    return macros


class Declarations:
    """Types, members and enumerators of our headers, from clang's tree."""

    def __init__(self, work):
        src = work / "all.c"
        src.write_text(includes("public"))
        text = subprocess.run(
            ["clang", *CFLAGS, *OURS, "-fsyntax-only", "-Xclang",
             "-ast-dump=json", str(src)],
            capture_output=True, text=True, check=True,
        ).stdout
        self.items = []  # (id, C statement)
        self.file = ""
        for node in json.loads(text)["inner"]:
            self.where(node)
            if Path(self.file).is_relative_to(PUBLIC):
                self.declaration(node)
            for child in node.get("inner", []):
                self.skip(child)

    def where(self, node):
        """The tree names a file only when it changes: keep track of it."""
        def walk(loc):
            if "file" in loc:
                self.file = loc["file"]
            for part in ("spellingLoc", "expansionLoc"):
                if part in loc:
                    walk(loc[part])
        walk(node.get("loc", {}))
        for end in ("begin", "end"):
            walk(node.get("range", {}).get(end, {}))

    def skip(self, node):
        self.where(node)
        for child in node.get("inner", []):
            self.skip(child)

    def declaration(self, node):
        kind, name = node["kind"], node.get("name", "")
        if kind == "RecordDecl" and node.get("completeDefinition") and name:
            self.record(f"{node['tagUsed']} {name}", node)
        elif kind == "TypedefDecl":
            handle = re.fullmatch(r"xen_handle_(\w+)", name)
            c_type = f"XEN_GUEST_HANDLE({handle.group(1)})" if handle else name
            self.items.append((c_type, f'TYPE("{c_type}", {c_type})'))
        elif kind == "EnumDecl":
            for c in node["inner"]:
                n = c["name"]
                self.items.append((n, f'OUT("{n}", {n})'))

    def record(self, c_type, node):
        self.items.append((c_type, f'TYPE("{c_type}", {c_type})'))
        self.members(c_type, "", node)

    def members(self, c_type, prefix, node):
        inner = None
        for c in node.get("inner", []):
            if c["kind"] == "RecordDecl":
                inner = c
            elif c["kind"] == "FieldDecl":
                self.member(c_type, prefix, c, inner)
                inner = None

    def member(self, c_type, prefix, field, inner):
        name, c = field.get("name"), field["type"]["qualType"]
        if name is None:
            self.members(c_type, prefix, inner)
            return
        path = prefix + name
        ident = f"{c_type}.{path}"
        macro = "MEMBER"
        if field.get("isBitfield"):
            macro = "BITS"
        elif c.endswith("[]"):
            macro = "FLEX"
        self.items.append((ident, f'{macro}("{ident}", {c_type}, {path})'))
        if inner is not None:
            array = "[0]" if c.endswith("]") else ""
            self.members(c_type, path + array + ".", inner)


class Program:
    """A set of statements, compiled against one of the two sets of headers."""

    def __init__(self, work, name, prefix, flags):
        self.exe = work / name
        self.src = self.exe.with_suffix(".c")
        self.flags = flags
        self.head = "#define xen_mb()\n#define xen_rmb()\n#define xen_wmb()\n"
        if prefix == "public":
            self.head = ""
        self.head += includes(prefix) + HELPERS + "int main(void)\n{\n"

    def run(self, items):
        """(outputs by id, ids that do not compile)"""
        good, bad = list(items), set()
        while True:
            self.src.write_text(
                self.head + "".join(f"{s};\n" for _, s in good) + "}\n")
            r = subprocess.run(
                ["gcc", *CFLAGS, "-fmax-errors=0",
                 "-ftrack-macro-expansion=0", *self.flags, "-o",
                 str(self.exe), str(self.src)], capture_output=True, text=True)
            if r.returncode == 0:
                break
            first = self.head.count("\n") + 1
            lines = {int(m.group(1)) - first for m in re.finditer(
                rf"^{re.escape(str(self.src))}:(\d+):\d+: error", r.stderr,
                re.M)}
            wrong = {good[i][0] for i in lines if 0 <= i < len(good)}
            if not wrong:
                sys.exit(f"abi: {self.src} does not compile:\n{r.stderr[:4000]}")
            bad |= wrong
            good = [i for i in good if i[0] not in wrong]
        text = subprocess.run([str(self.exe)], capture_output=True, text=True,
                              check=True).stdout
        return dict(l.split("\t", 1) for l in text.splitlines()), bad


def macro_items(macros, ours):
    """Statements for macros: values, else types, else structure tags."""
    plain = [m for m, func in macros.items() if not func]
    plain = [m for m in plain if m not in OURS_ONLY and m not in BEHAVIOUR]
    items, left = [], plain
    for form in ('OUT("{0}", {0})', 'TYPE("{0}", {0})',
                 'TYPE("{0}", struct {0})'):
        tried = [(m, form.format(m)) for m in left]
        _, bad = ours.run(tried)
        items += [i for i in tried if i[0] not in bad]
        left = [m for m in left if m in bad]
    return items, left


def main():
    work = Path(sys.argv[1])
    work.mkdir(parents=True, exist_ok=True)
    ours = Program(work, "ours", "public", OURS)
    theirs = Program(work, "theirs", "xen", THEIRS)

    macros = our_macros()
    items = Declarations(work).items
    if not items:
        sys.exit("abi: the compiler's tree has no declaration of ours")
    values, failures = macro_items(macros, ours)
    failures = [f"{m}: neither value nor type, and not in exceptions.py"
                for m in failures]
    items += values
    for m, func in macros.items():
        if m in SAMPLES:
            items += [(e, f'OUT({json.dumps(e)}, {e})') for e in SAMPLES[m]]
        elif func and m not in OURS_ONLY and m not in BEHAVIOUR:
            failures.append(f"{m}: a macro that exceptions.py does not know")
    for m in {**OURS_ONLY, **BEHAVIOUR, **SAMPLES}:
        if m not in macros:
            failures.append(f"{m}: in exceptions.py, not in include/public")

    items = list(dict(items).items())
    mine, bad = ours.run(items)
    failures += [f"{i}: does not compile with our headers" for i in bad]
    reference, missing = theirs.run(items)
    failures += [f"{i}: libxen-dev has no such thing" for i in sorted(missing)]
    passed = 0
    for ident, _ in items:
        if ident not in mine or ident not in reference:
            continue
        if mine[ident] == reference[ident]:
            passed += 1
        else:
            failures.append(f"{ident}: ours {mine[ident]}, "
                            f"libxen-dev {reference[ident]}")
    for f in failures:
        print("FAIL", f)
    results = TOP / "build" / "results"
    results.mkdir(parents=True, exist_ok=True)
    (results / "abi").write_text(f"{passed} {len(failures)}\n")
    print(f"abi: {passed} passed, {len(failures)} failed")
    return 1 if failures or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
