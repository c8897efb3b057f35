"""The ways to install the course agree with each other, and no committed file tells of a machine."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PYTHONS = SpecifierSet(PROJECT["project"]["requires-python"])
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())

LINUX = {
    "sys_platform": "linux",
    "platform_machine": "x86_64",
    "platform_system": "Linux",
    "os_name": "posix",
}
MAC = {"sys_platform": "darwin", "platform_machine": "arm64", "platform_system": "Darwin", "os_name": "posix"}
WINDOWS = {
    "sys_platform": "win32",
    "platform_machine": "AMD64",
    "platform_system": "Windows",
    "os_name": "nt",
}
ARM = LINUX | {"platform_machine": "aarch64"}

FORBIDDEN = {
    "a registry's address": r"https?://(?:[\w.-]*pypi[\w.-]*|files\.pythonhosted)\.\w+|--(?:extra-)?index-url|find-links",
    "a machine's path": r"(?<![\w.$}/:-])/(?:root|work|Users)/\w|(?<![\w.$}/:-])/home/\w|[A-Z]:\\\\?Users\\",
    "a secret": r"BEGIN [A-Z ]*PRIVATE KEY|\bgh[pousr]_\w{30,}|\bAKIA[0-9A-Z]{16}\b|\bxox[bp]-\w{10,}",
}


def direct() -> list[Requirement]:
    lines = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    return [Requirement(line) for line in lines]


def locked() -> list[Requirement]:
    text = (ROOT / "requirements.txt").read_text().replace("\\\n", " ")
    return [Requirement(line.split("--hash")[0].strip()) for line in text.splitlines() if line.strip()]


def holds(requirement: Requirement, machine: dict[str, str]) -> bool:
    python = {"python_version": "3.11", "python_full_version": "3.11.0"}
    return requirement.marker is None or requirement.marker.evaluate(python | machine)


@pytest.mark.parametrize("machine", [LINUX, ARM, MAC, WINDOWS], ids=["linux", "arm", "mac", "windows"])
def test_lock_holds_what_the_project_asks_for(machine: dict[str, str]) -> None:
    versions = {
        canonicalize_name(one.name): next(iter(one.specifier)).version
        for one in locked()
        if holds(one, machine)
    }
    for wanted in (one for one in direct() if holds(one, machine)):
        name = canonicalize_name(wanted.name)
        assert name in versions, f"{wanted} is not in requirements.txt: run `make lock`"
        assert wanted.specifier.contains(versions[name]), (
            f"{wanted}, but {versions[name]} is locked: run `make lock`"
        )
    assert ("tensorflow-cpu" in versions) == (machine is LINUX)
    assert ("tensorflow" in versions) == (machine is not LINUX)


def test_lock_pins_and_hashes_everything() -> None:
    for line in (ROOT / "requirements.txt").read_text().replace("\\\n", " ").splitlines():
        assert re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line


def test_one_version_of_each_package() -> None:
    names = [one.name for one in locked()]
    assert len(names) == len(set(names))


def test_conda_takes_all_but_python_from_the_lock() -> None:
    *conda, pip = ENVIRONMENT["dependencies"]
    assert [Requirement(line).name for line in conda] == ["python", "pip"]
    assert Requirement(conda[0]).specifier == PYTHONS
    assert pip == {"pip": ["-r requirements.txt"]}


def test_conda_file_names_the_packages_that_a_reader_looks_for() -> None:
    comments = re.findall(r"^ +# (?:For the \w+:)?(.*)$", (ROOT / "environment.yml").read_text(), re.M)
    assert sorted(" ".join(comments).split()) == sorted({one.name for one in direct()})


def test_binder_paths_resolve() -> None:
    paths = [path for path in (ROOT / "binder").iterdir() if path.name != "__pycache__"]
    assert {path.name for path in paths} == {"runtime.txt", "requirements.txt", "postBuild"}
    assert (ROOT / "binder" / "requirements.txt").resolve() == ROOT / "requirements.txt"
    assert not re.search(r"^-[rc] ", (ROOT / "requirements.txt").read_text(), re.M)
    assert (ROOT / "binder" / "postBuild").stat().st_mode & 0o111
    name, version = (ROOT / "binder" / "runtime.txt").read_text().strip().split("-")
    assert name == "python" and Version(version) in PYTHONS


def test_binder_opens_the_learners_folder() -> None:
    assert "-m mtl_helpers.workspace my_lessons\n" in (ROOT / "binder" / "postBuild").read_text()
    links = re.findall(r"mybinder\.org/v2/\S+?\?(\S+?)\)", (ROOT / "README.md").read_text())
    assert all(link == "urlpath=lab/tree/my_lessons/00_start_here.ipynb" for link in links)


def test_memory_is_shown_and_backend_is_locked() -> None:
    names = {canonicalize_name(one.name) for one in locked()}
    assert {"jupyter-resource-usage", "flit-core"} <= names


@pytest.mark.slow
def test_tensorflow_starts_in_silence() -> None:
    silenced = ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS")
    environment = {key: value for key, value in os.environ.items() if key not in silenced}
    code = "import mtl_helpers, keras; keras.layers.Dense(1)(keras.ops.ones((1, 1)))"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout + done.stderr == ""


def test_the_ways_to_start_set_the_same_variables() -> None:
    variables = {key: str(value) for key, value in ENVIRONMENT["variables"].items()}
    assert dict(re.findall(r"^export (\w+) := (\w+)$", (ROOT / "Makefile").read_text(), re.M)) == variables
    module = (ROOT / "mtl_helpers" / "__init__.py").read_text()
    assert variables.items() <= dict(re.findall(r'setdefault\("(\w+)", "(\w+)"\)', module)).items()


@pytest.mark.slow
def test_repo2docker_accepts_binder(tmp_path: Path) -> None:
    command = shutil.which("jupyter-repo2docker")
    if command is None:
        pytest.skip("jupyter-repo2docker is not installed; .ci/run installs it")
    done = subprocess.run(
        [command, "--no-build", "--debug", str(ROOT)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    assert 'pip install --no-cache-dir -r "binder/requirements.txt"' in text
    assert "RUN ./binder/postBuild" in text
    assert "python=3.11" in text or "environment.py-3.11" in text


def committed() -> list[Path]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def findings(text: str) -> list[str]:
    return [
        f"{what}: {found[0]}" for what, pattern in FORBIDDEN.items() for found in re.finditer(pattern, text)
    ]


def test_no_committed_file_tells_of_a_machine() -> None:
    for path in committed():
        if path != Path(__file__).resolve() and not path.name.endswith(".weights.h5"):
            found = findings(path.read_text(encoding="utf-8", errors="replace"))
            assert not found, f"{path.relative_to(ROOT)} holds {found}"


def test_committed_weights_are_small_and_nothing_but_numbers() -> None:
    for path in committed():
        if path.name.endswith(".weights.h5"):
            assert path.read_bytes()[:4] == b"\x89HDF", f"{path.name} is no HDF5 file"
            assert path.stat().st_size < 1.5e6, f"{path.name} is too large: make results stores no optimizer"


@pytest.mark.parametrize(
    "text",
    [
        # Put together here, so that this file holds no address either.
        "https://" + "pypi." + "org/simple",
        "https://" + "files.pythonhosted." + "org/x.whl",
        "--index-url https://mirror",
        '"/root/course/lesson.py"',
        "File /home/ada/lesson.py",
        "C:\\Users\\ada",
        "-----BEGIN PRIVATE KEY-----",
        "ghp_" + "a" * 36,
    ],
)
def test_scan_finds(text: str) -> None:
    assert len(findings(text)) == 1
