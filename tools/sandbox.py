"""Run a command without network, and with a file system that is read-only outside temporary folders.

    python -m tools.sandbox [--writable FOLDER ...] -- COMMAND ...

Linux namespaces do it, so it also holds for child processes and compiled code. Loopback stays, since
notebook kernels talk over it. Settings of the user (HOME and the like) are replaced by an empty folder.
Where namespaces are not to be had (macOS, some hosts), the command runs unguarded and a line says so;
under CI=true that is an error, unless COURSE_UNGUARDED=1 allows it.
"""

import argparse
import ctypes
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
SETTINGS = ("HOME", "IPYTHONDIR", "MPLCONFIGDIR", "KERAS_HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR",
            "JUPYTER_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")  # fmt: skip

# From the kernel's headers: linux/sched.h, linux/mount.h, linux/if.h, linux/sockios.h.
CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWNS = 0x10000000, 0x40000000, 0x00020000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x1, 0x20, 0x1000, 0x4000, 0x40000
# A remount must name the flags that a mount has already, or it asks to drop them, which is refused.
MOUNT_FLAGS = {"nosuid": 0x2, "nodev": 0x4, "noexec": 0x8, "noatime": 0x400, "nodiratime": 0x800,
               "relatime": 0x200000}  # fmt: skip
SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1


def enter(writable: list[Path]) -> None:
    """Put this process, and all it starts from now on, into the sandbox.

    Args:
        writable: existing folders that stay writable, besides the temporary ones.

    Raises:
        OSError: if the machine does not permit it. The process may then be half inside: end it.
    """
    if sys.platform != "linux":
        raise OSError(f"namespaces are a thing of Linux, this is {sys.platform}")
    import fcntl  # Windows has none

    user, group = os.getuid(), os.getgid()
    _call("unshare", CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))

    temporary = [Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), Path(tempfile.gettempdir())]
    # True: may be written. The clone itself may lie in a temporary folder and is protected all the same.
    rules = {Path("/"): False, Path("/proc"): True, Path("/sys"): True, Path("/dev"): True}
    rules |= {path.resolve(): True for path in temporary if path.is_dir()}
    rules |= {REPOSITORY: False}
    rules |= {path.resolve(): True for path in writable}
    _call("mount", None, b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None)
    for path in sorted(set(rules) - {Path("/"), Path("/proc"), Path("/sys"), Path("/dev")}):
        _call("mount", os.fsencode(path), os.fsencode(path), None, ctypes.c_ulong(MS_BIND | MS_REC), None)
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        mount_point = Path(fields[4].encode().decode("unicode_escape"))
        deepest = max(
            (path for path in rules if mount_point.is_relative_to(path)), key=lambda p: len(p.parts)
        )
        if not rules[deepest]:
            flags = sum(MOUNT_FLAGS.get(option, 0) for option in fields[5].split(","))
            flags |= MS_BIND | MS_REMOUNT | MS_RDONLY
            _call("mount", None, os.fsencode(mount_point), None, ctypes.c_ulong(flags), None)
    os.chdir(os.getcwd())  # by its name, or we would stay in the folder below the new mounts


def _call(function: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function} failed: {os.strerror(number)}")


def why_unavailable() -> str:
    """Return why this machine does not permit the sandbox; "" if it does. Tried out in another process."""
    probe = (
        "import sys; from tools.sandbox import enter\ntry: enter([])\nexcept OSError as e: sys.exit(str(e))"
    )
    done = subprocess.run([sys.executable, "-c", probe], cwd=REPOSITORY, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr.strip() or "unknown reason"


def main() -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--writable", type=Path, action="append", default=[])
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    if missing := [str(path) for path in arguments.writable if not path.exists()]:
        parser.error(f"no such folder: {', '.join(missing)}")

    if reason := why_unavailable():
        print(f"WARNING: no sandbox here ({reason}): network and files are NOT guarded", file=sys.stderr)
        if os.environ.get("CI") == "true" and os.environ.get("COURSE_UNGUARDED") != "1":
            print("Under CI=true that is an error; COURSE_UNGUARDED=1 allows it.", file=sys.stderr)
            return 1
    else:
        enter(arguments.writable)

    home = tempfile.mkdtemp(prefix="home_")
    try:
        settings = {name: str(Path(home, name.lower())) for name in SETTINGS}
        for folder in settings.values():
            os.mkdir(folder)
        return subprocess.run(arguments.command, env=os.environ | settings).returncode
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
