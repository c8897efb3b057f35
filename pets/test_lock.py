"""The lock: pinned, hashed, and where it holds what the learners' lock holds, the same version."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def lines(path: str) -> list[str]:
    return (ROOT / path).read_text().replace("\\\n", " ").splitlines()


def versions(path: str) -> dict[str, str]:
    return dict(line.split(" ")[0].split("==") for line in lines(path))


def test_everything_is_pinned_and_hashed() -> None:
    for line in lines("pets/requirements.txt"):
        assert re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line


@pytest.mark.parametrize("name", ["tensorflow-cpu", "tensorflow", "keras", "numpy", "protobuf"])
def test_what_matters_is_in_both_locks(name: str) -> None:
    assert versions("pets/requirements.txt")[name] == versions("requirements.txt")[name]


def test_common_packages_have_one_version() -> None:
    ours, learners = versions("pets/requirements.txt"), versions("requirements.txt")
    assert not {name for name in ours if name in learners and ours[name] != learners[name]}
