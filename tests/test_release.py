"""Requirements of a release outside the package: addresses, and the actions that build it."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rosenblatt import __version__
from rosenblatt._base import warn_deprecated

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


def expired(source, version):
    """Lines of the calls of warn_deprecated whose release has come."""
    numbers = tuple(int(part) for part in version.split(".")[:2])
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    calls = [call for call in calls if getattr(call.func, "id", "") == "warn_deprecated"]
    removals = {
        call.lineno: tuple(int(part) for part in keyword.value.value.split("."))
        for call in calls
        for keyword in call.keywords
        if keyword.arg == "removed_in"
    }
    assert len(removals) == len(calls), "removed_in must be written at the call, as 'X.Y'"
    return [line for line, removal in removals.items() if removal <= numbers]


def test_what_is_deprecated_goes_in_the_release_that_was_announced():
    """A warning that names this release, or an older one, is a removal that was forgotten."""
    call = "warn_deprecated('a', 'b', removed_in='0.3')"
    assert expired(call, "0.2.9") == []
    assert expired(call, "0.3.0.dev0") == [1]

    for path in (ROOT / "src" / "rosenblatt").rglob("*.py"):
        assert expired(path.read_text(encoding="utf-8"), __version__) == [], path


def test_a_deprecation_is_told_where_a_person_calls():
    """With the release it goes in, and with what to write instead."""
    with pytest.warns(FutureWarning, match=r"^alpha is dep.* rosenblatt 0\.3\. Use beta ") as told:
        warn_deprecated("alpha", "beta", removed_in="0.3")

    assert told[0].filename == __file__
