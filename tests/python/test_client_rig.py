"""The rig of the TypeScript client: many outboxes, a bad network, and processes that are killed."""

from dev import Dev
from test_client_typescript import run


def test_no_edit_is_lost_or_doubled_over_a_bad_network(tmp_path):
    """RIPPLE_EDITS makes it longer, and RIPPLE_SEED repeats one run or chooses another."""
    with Dev(tmp_path / "data", "--in-memory", log=tmp_path / "log") as dev:
        variables = {"RIPPLE_URL": dev.url, "RIPPLE_KEY": dev.key, "RIPPLE_OTHER_KEY": dev.key}
        print(run("node", "--test", "test/rig/rig.test.ts", **variables))
