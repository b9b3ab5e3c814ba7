"""The table of SECURITY.md: each threat names a test, and the test exists."""

import re

import pytest

from edge import ROOT


def threats():
    """Yields the rows of the table: the attacker, the attack, and the tests of the protection."""
    attacker = ""
    for line in (ROOT / "SECURITY.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 4 and cells[0] != "attacker" and set(cells[0]) != {"-"}:
            attacker = cells[0] or attacker
            yield pytest.param(re.findall(r"\[`(\w+)`\]\(([^)]+)\)", cells[3]), id=f"{attacker}: {cells[1]}")


THREATS = list(threats())


def test_there_are_threats():
    assert len(THREATS) > 15


@pytest.mark.parametrize("tests", THREATS)
def test_a_threat_has_its_test(tests):
    assert tests
    for name, path in tests:
        text = (ROOT / path).read_text()
        if path.startswith("fuzz/"):
            assert path.endswith(f"/{name}.rs") and "fuzz_target!" in text
        else:
            assert re.search(rf"\b(fn|def) {name}\(", text), f"{path} has no {name}"
