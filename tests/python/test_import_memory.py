"""`ripple import` has a few entries of a file in memory, whatever the form and the size of the file are."""

import csv
import gzip
import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from conftest import _setting
from dev import Dev, clean

#: More than the bound, in each form. Every entry is refused, so that the import of so many takes seconds.
ENTRIES, TEXT = 2_000, "x" * 20_000
#: The program itself takes half of it.
LIMIT = 64 << 20


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("import"), "--in-memory") as dev:
        yield dev


def records():
    """Records without what a project must have."""
    return ({"prj_id": f"large-{n}", "goal": TEXT} for n in range(ENTRIES))


def as_lines(file):
    file.write_text("".join(json.dumps(record) + "\n" for record in records()))


def as_array(file):
    file.write_text(json.dumps(list(records()), indent=1))


def as_scan(file):
    items = [{"prj_id": {"S": record["prj_id"]}, "goal": {"S": TEXT}, "faulty": {"X": ""}} for record in records()]
    file.write_text(json.dumps({"Items": items, "Count": ENTRIES, "ScannedCount": ENTRIES, "ConsumedCapacity": None}))


def as_export(file):
    with gzip.open(file, "wt", compresslevel=1) as packed:
        for record in records():
            item = {"prj_id": {"S": record["prj_id"]}, "goal": {"S": TEXT}, "faulty": {"X": ""}}
            packed.write(json.dumps({"Item": item}) + "\n")


def as_sheet(file):
    with file.open("w", newline="") as written:
        rows = csv.DictWriter(written, ["prj_id", "goal"])
        rows.writeheader()
        rows.writerows(records())


def as_utf16(file):
    file.write_bytes("".join(json.dumps(record) + "\n" for record in records()).encode("utf-16"))


@pytest.mark.parametrize("write", [as_lines, as_array, as_scan, as_export, as_sheet, as_utf16])
@pytest.mark.parametrize("is_piped", [False, True])
def test_memory_does_not_grow_with_the_file(dev, tmp_path, write, is_piped):
    if is_piped and write not in (as_lines, as_sheet):
        pytest.skip("standard input is copied, whatever it is")
    write(tmp_path / "file")
    command = [_setting("RIPPLE_BIN"), "--data", str(dev.data), "import", "-" if is_piped else str(tmp_path / "file"), "--json"]
    with open(tmp_path / "file", "rb") as file, open(tmp_path / "told", "wb") as told:
        process = subprocess.Popen(command, env=clean(), stdin=file, stdout=told, stderr=subprocess.STDOUT)
    peak = 0
    while process.poll() is None:
        peak = max(peak, memory(process.pid))
        time.sleep(0.02)
    *_, counts, refusal = (tmp_path / "told").read_text().splitlines()
    assert json.loads(counts)["refused"] == ENTRIES and f"{ENTRIES} " in refusal, counts
    assert 0 < peak < LIMIT, f"{peak >> 20} MB"


def memory(process):
    """Returns the peak of a process, or 0 if it has just ended."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.M)
    return int(found[1]) << 10 if found else 0
