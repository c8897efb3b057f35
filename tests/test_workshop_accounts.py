"""Accounts for learners: what a list of names may hold. Making them needs root, and is not done here."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from workshop import accounts

import pytest
from test_workshop import configuration

ROOT = Path(__file__).resolve().parent.parent


def test_a_list_of_names() -> None:
    assert accounts.read_names("ada\n\n# from the second group\n bert-2 # late\n") == ["ada", "bert-2"]
    assert accounts.read_names("") == []


@pytest.mark.parametrize(
    "name", ["Ada", "ada lovelace", "2fast", "a", "ada;reboot", "-r", "ada:x", "ädä", "a" * 32]
)
def test_a_name_that_the_system_does_not_take(name: str) -> None:
    with pytest.raises(ValueError, match="is no name for an account: small letters, digits and hyphens"):
        accounts.read_names(f"bert\n{name}\n")


def test_a_name_that_stands_there_twice() -> None:
    with pytest.raises(ValueError, match="'ada' stands on the list twice"):
        accounts.read_names("ada\nbert\nada\n")


def test_passwords_differ_and_can_be_read_from_paper() -> None:
    passwords = {accounts.password() for _ in range(100)}
    assert len(passwords) == 100
    assert all(re.fullmatch(r"(?:[a-hjkmnp-z2-9]{4}-){2}[a-hjkmnp-z2-9]{4}", one) for one in passwords)


def test_the_groups_are_those_that_the_hub_lets_in(monkeypatch: pytest.MonkeyPatch) -> None:
    c = configuration(monkeypatch)
    assert c.PAMAuthenticator.allowed_groups == {accounts.GROUP, accounts.ADMINISTRATORS}
    assert c.PAMAuthenticator.admin_groups == {accounts.ADMINISTRATORS}


@pytest.mark.skipif(shutil.which("getent") is None, reason="only Linux has getent")
def test_an_account_that_is_there_is_known() -> None:
    assert accounts.exists("root") and not accounts.exists("nobody-of-this-name")


def test_a_bad_list_makes_nothing(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("ada\nBert\n")
    command = [sys.executable, "-m", "workshop.accounts", str(names)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == "" and "'Bert' is no name for an account" in done.stderr
