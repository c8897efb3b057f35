"""Start one learner's JupyterLab below the hub: bring their folder my_lessons up to date, then serve it.

The hub starts this as the learner, in the learner's home, with the Python of .venv. That environment holds no
JupyterHub. What the server needs of it lies in .venv-workshop, made with the same versions of all that both
have; it comes last on the path of this process, and of no kernel.
"""

import os
import sys
from pathlib import Path

COURSE = Path(__file__).resolve().parent.parent
FOLDER = "my_lessons"


def add_packages_of_the_hub(course: Path = COURSE) -> None:
    """Put the packages of .venv-workshop at the end of the path.

    Raises:
        SystemExit: if they are not there, or are made for another Python.
    """
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = course / ".venv-workshop" / "lib" / version / "site-packages"
    if not (packages / "jupyterhub").is_dir():
        sys.exit(
            f"There is no JupyterHub for {version} in {packages.relative_to(course)}: type `make .venv-workshop/ready` "
            "in the folder of the course, with the Python that .venv was made with"
        )
    sys.path.append(str(packages))


def bring_up_to_date(folder: Path) -> None:
    """Make the learner's folder, or add what is new beside what they wrote.

    A folder that is there already is served also if it cannot be brought up to date, for example on a full disk.

    Raises:
        SystemExit: if there is none and it cannot be made.
    """
    from mtl_helpers import workspace

    try:
        lines = workspace.make_workspace(folder)
    except workspace.WorkspaceError as error:
        if not folder.is_dir():
            sys.exit(str(error))
        lines = [f"{folder} is left as it is: {error}"]
    for line in lines:
        print(line, file=sys.stderr)


def main() -> None:
    """Hand over to JupyterHub's own start of a JupyterLab."""
    os.umask(0o077)  # what a learner writes is theirs alone
    add_packages_of_the_hub()
    bring_up_to_date(Path.home() / FOLDER)
    from jupyterhub.singleuser import main as serve

    serve()


if __name__ == "__main__":
    main()
