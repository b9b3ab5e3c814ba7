"""`cargo xtask deploy`, without an account: bundles, refusals, and what Cloudflare's API is asked first."""

import json
import os
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from edge import BINDING, own_config, with_replica

# The largest bundles, in KiB gzipped. Drafts are six times as large.
LARGEST = {"ripple-replica": 1000, "ripple-near": 250, "ripple-edge": 600}


def deploy(*arguments, **env):
    """Runs the command as a shell in which drafts are built would. Returns its status and what it printed."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("CLOUDFLARE_", "RIPPLE_"))}
    done = subprocess.run(
        [os.environ["RIPPLE_XTASK"], "deploy", *map(str, arguments)],
        env=own | {"RIPPLE_DRAFT": "true", "NO_COLOR": "1"} | env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


def scripts(printed):
    """Returns the scripts that were bundled or deployed, in order."""
    return re.findall(r"^(ripple-\w+): (\w+)$", printed, re.MULTILINE)


def sizes(printed):
    return [float(size) for size in re.findall(r"gzip: ([\d.]+) KiB", printed)]


@pytest.fixture
def chosen(tmp_path):
    """The arguments for configurations of an edge that binds the replica."""
    edge, replica = with_replica(tmp_path, "")
    return ["--config", edge, "--replica-config", replica]


def test_without_a_replica_the_projects_own_configuration_is_one_optimised_script():
    status, printed = deploy("--dry-run")
    assert status == 0, printed
    assert scripts(printed) == [("ripple-edge", "bundling")]
    (size,) = sizes(printed)
    assert size < LARGEST["ripple-edge"]
    # wrangler starts the build that the configuration names.
    assert "cargo xtask edge" in printed


def test_the_replicas_script_comes_before_the_edge(chosen):
    status, printed = deploy("--dry-run", *chosen)
    assert status == 0, printed
    assert scripts(printed) == [("ripple-replica", "bundling"), ("ripple-near", "bundling")]
    assert "defined in ripple-replica" in printed
    for (script, _), size in zip(scripts(printed), sizes(printed), strict=True):
        assert size < LARGEST[script], script


def test_half_a_choice_is_refused_before_anything_is_bundled(tmp_path):
    config = tmp_path / "wrangler.toml"
    near = own_config().replace("/edge/worker.js", "/edge/near/worker.js")
    for half in (near, own_config() + BINDING):
        config.write_text(half)
        status, printed = deploy("--dry-run", "--config", config)
        assert status == 1 and scripts(printed) == [], printed
        assert "without the other" in printed


def test_an_environment_must_be_in_both_configurations(chosen):
    _, edge, _, replica = chosen
    status, printed = deploy("--dry-run", "--env", "staging", *chosen)
    assert status == 1 and scripts(printed) == [] and "no section [env.staging]" in printed
    edge.write_text(edge.read_text() + '\n[env.staging]\nname = "edge-staging"\n')
    status, printed = deploy("--dry-run", "--env", "staging", *chosen)
    assert status == 1 and f"{replica} has no section" in printed
    replica.write_text(replica.read_text() + '\n[env.staging]\nname = "replica-staging"\n')
    status, printed = deploy("--dry-run", "--env", "staging", *chosen)
    assert status == 0 and len(scripts(printed)) == 2, printed


def test_a_broken_edge_is_found_before_the_replica_is_deployed(chosen):
    _, edge, _, _ = chosen
    edge.write_text(edge.read_text().replace("compatibility_date", "compatibility_day"))
    status, printed = deploy(*chosen, CLOUDFLARE_API_TOKEN="none")
    assert status == 1 and ("ripple-replica", "deploying") not in scripts(printed), printed


class Cloudflare:
    """An API that refuses every token, and notes what it was asked."""

    def __init__(self):
        asked = self.asked = []

        class Handler(BaseHTTPRequestHandler):
            def refuse(self):
                asked.append(self.path)
                self.rfile.read(int(self.headers.get("content-length") or 0))
                error = {"success": False, "result": None, "messages": [], "errors": [{"code": 10000, "message": "Authentication error"}]}
                body = json.dumps(error).encode()
                self.send_response(403)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = refuse

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def test_a_refused_token_ends_the_command_at_the_first_script(chosen):
    api = Cloudflare()
    account = {"CLOUDFLARE_ACCOUNT_ID": "0" * 32, "CLOUDFLARE_API_TOKEN": "none", "CLOUDFLARE_API_BASE_URL": api.url}
    status, printed = deploy(*chosen, **account)
    api.close()
    assert status == 1 and "Authentication error" in printed, printed
    assert scripts(printed)[-1] == ("ripple-replica", "deploying")
    assert any("/ripple-replica" in path for path in api.asked), api.asked
    assert not any("/ripple-edge" in path for path in api.asked), api.asked
