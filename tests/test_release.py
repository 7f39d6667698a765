"""Requirements of a release outside the package: addresses, and the actions that build it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.skipif(not WORKFLOWS, reason="the workflows are not beside the tests")
def test_every_file_has_the_addresses_of_addresses_toml():
    """Each is written in one place, and the others were made from it."""
    done = subprocess.run([sys.executable, ROOT / "scripts" / "addresses"], capture_output=True)

    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit(workflow):
    """A tag can be moved to other code; a full hash, with its version beside it, cannot."""
    uses = re.findall(r"uses: *(.+)", workflow.read_text())

    assert uses
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", use) for use in uses)
