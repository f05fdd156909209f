"""count.py KIND FILE: count a test report for ./check; prints "PASSED FAILED", then what failed.

KIND is pytest (FILE is its --junitxml) or automake (FILE is a test-suite's output of make check).
A skipped test counts as failed unless its name is in tests/skips.txt.
"""

import os
import re
import sys
import xml.etree.ElementTree as ET


def allowed():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "skips.txt")
    with open(path, encoding="utf-8") as f:
        return {line.split()[0] for line in f if line.strip() and not line.startswith("#")}


def pytest(path):
    for case in ET.parse(path).iter("testcase"):
        name = f"{case.get('classname', '')}.{case.get('name', '')}".replace(" ", "_")
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            yield name, "FAIL"
        else:
            yield name, "SKIP" if "skipped" in kinds else "PASS"


def automake(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            match = re.match(r"(PASS|FAIL|SKIP|XFAIL|XPASS|ERROR): (\S+)", line)
            if match:
                yield match[2], {"XFAIL": "PASS", "SKIP": "SKIP", "PASS": "PASS"}.get(match[1], "FAIL")


def main():
    kind, path = sys.argv[1:3]
    skips = allowed()
    passed, bad = 0, []
    for name, result in {"pytest": pytest, "automake": automake}[kind](path):
        if result == "PASS":
            passed += 1
        elif result == "FAIL" or name not in skips:
            bad.append(f"{result.lower()} {name}")
    print(passed, len(bad))
    print("\n".join(bad))


if __name__ == "__main__":
    main()
