"""JupyterHub for a workshop on one shared server. Set it up as book/instructors/hub.md says.

A learner is a user of the system, in the group `learners`; `workshop.accounts` makes them from a list of names.
Each one's server is a systemd unit with its own limits. Everything listens on this machine alone: the
web server in front of it, which speaks TLS, is the one thing that the network sees.
"""

import os
import sys
from pathlib import Path

c = get_config()  # type: ignore[name-defined]  # noqa: F821 (JupyterHub gives it)

COURSE = Path(__file__).resolve().parent.parent
STATE = Path(os.environ.get("STATE_DIRECTORY", "."))  # systemd makes it, for root alone

MEMORY = "2G"  # a learner; one lesson takes up to 1.2 GB, and the one before may still be open
CORES = 2  # a learner, at most: what the lessons are measured with
KERNEL_IDLE = 2 * 60 * 60  # seconds: longer than a lunch break
SERVER_IDLE = 3 * 60 * 60

# The hub may be restarted, or may crash: the proxy is a unit of its own, and servers go on.
c.JupyterHub.bind_url = "http://127.0.0.1:8000"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:8081"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:8001"
c.ConfigurableHTTPProxy.should_start = False
c.JupyterHub.cleanup_servers = False
c.JupyterHub.db_url = f"sqlite:///{STATE / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(STATE / "cookie_secret")

# Who may come in: the system's own users and passwords, through PAM.
c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.open_sessions = False
c.PAMAuthenticator.allowed_groups = {"learners", "instructors"}
c.PAMAuthenticator.admin_groups = {"instructors"}

# Every learner's server: JupyterLab in the learners' environment. It makes the folder my_lessons when it starts
# for the first time, and never overwrites what is in there: workshop/singleuser.py.
c.JupyterHub.spawner_class = "systemd"
c.Spawner.cmd = [str(COURSE / ".venv" / "bin" / "python"), "-P", str(COURSE / "workshop" / "singleuser.py")]
c.Spawner.default_url = "/lab/tree/my_lessons/00_start_here.ipynb"
c.JupyterHub.concurrent_spawn_limit = 10  # the others are asked to wait, and tried again by themselves
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120

# Limits. systemd enforces the first two; the hub hands them on as MEM_LIMIT and CPU_LIMIT, which JupyterLab's
# display of memory and the lessons' check of the machine read.
c.Spawner.mem_limit = MEMORY
c.Spawner.cpu_limit = CORES
c.SystemdSpawner.slice = "learners.slice"  # what all learners together may take: workshop/units
c.SystemdSpawner.isolate_tmp = True
c.SystemdSpawner.disable_user_sudo = True
c.SystemdSpawner.default_shell = "/bin/bash"
# As many threads as cores: TensorFlow starts one for each core of the machine, and is then held back.
c.Spawner.environment = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_NUM_INTRAOP_THREADS": str(CORES),
    "TF_NUM_INTEROP_THREADS": str(CORES),
    "OMP_NUM_THREADS": str(CORES),
    "JUPYTER_RUNTIME_DIR": "/tmp/jupyter",  # of this learner alone: isolate_tmp
}

# Idle kernels end, to give their memory back: never one that computes. The notebook on disk stays, and so does a
# text in an open tab; the variables are gone. Servers follow, once no tab is open.
#
# Kernels listen on sockets in that folder, not on ports of the machine, which all learners share: there, two kernels
# that start at once can choose the same port, and the one that loses it dies or never answers.
c.Spawner.args = [
    "--KernelManager.transport=ipc",
    f"--MappingKernelManager.cull_idle_timeout={KERNEL_IDLE}",
    "--MappingKernelManager.cull_interval=300",
    "--MappingKernelManager.cull_connected=True",
    "--MappingKernelManager.cull_busy=False",
]
c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [
            sys.executable,
            "-m",
            "jupyterhub_idle_culler",
            f"--timeout={SERVER_IDLE}",
            "--cull-every=300",
        ],
    }
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    }
]
