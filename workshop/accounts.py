"""Make an account of the system for each learner on a list, and print the passwords to hand out.

    sudo python3 -m workshop.accounts names.txt

One name a line: small letters, digits and hyphens. An account that is there already stays as it is, its password
too, so a list that has grown can be given again. Needs nothing but Python and Debian's or Ubuntu's own commands.
"""

import re
import secrets
import subprocess
import sys
from pathlib import Path

GROUP, ADMINISTRATORS = "learners", "instructors"  # the hub asks for both
NAME = re.compile(r"[a-z][a-z0-9-]{1,30}")
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another on paper


def read_names(text: str) -> list[str]:
    """Return the names on a list; empty lines, and what follows a #, are left out.

    Raises:
        ValueError: if a name is none that the system takes, or stands there twice.
    """
    names = [line.partition("#")[0].strip() for line in text.splitlines()]
    names = [name for name in names if name]
    for name in names:
        if not NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} is no name for an account: small letters, digits and hyphens, a letter first"
            )
        if names.count(name) > 1:
            raise ValueError(f"{name!r} stands on the list twice: give each learner an own name")
    return names


def password() -> str:
    """Return a new password that can be read from paper and typed."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(12))
    return "-".join(letters[start : start + 4] for start in (0, 4, 8))


def exists(name: str) -> bool:
    """Tell whether the system has an account of this name."""
    return subprocess.run(["getent", "passwd", name], stdout=subprocess.DEVNULL).returncode == 0


def make(name: str) -> str:
    """Make an account whose home nobody else can read, and return its password."""
    new = password()
    command = [
        "useradd",
        "--create-home",
        "--key",
        "HOME_MODE=0700",
        "--groups",
        GROUP,
        "--shell",
        "/bin/bash",
        name,
    ]
    subprocess.run(command, check=True)
    subprocess.run(["chpasswd"], input=f"{name}:{new}\n", text=True, check=True)
    return new


def main() -> None:
    """Make the accounts of the list on the command line."""
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    try:
        names = read_names(Path(sys.argv[1]).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    for group in (GROUP, ADMINISTRATORS):
        subprocess.run(["groupadd", "--force", group], check=True)
    for name in names:
        print(f"{name}\t{'is there already' if exists(name) else make(name)}")


if __name__ == "__main__":
    main()
