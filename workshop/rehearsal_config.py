"""The hub of a rehearsal: that of the workshop, but without real users, and on this machine alone.

Anybody can log in with one password, and every server runs as the same user without limits. So it refuses to start
on any other address than the loopback one, whatever set it.
"""

import os
import secrets
import sys
from pathlib import Path
from typing import Any

from jupyterhub.auth import DummyAuthenticator

c = get_config()  # type: ignore[name-defined]  # noqa: F821 (JupyterHub gives it)
load_subconfig("jupyterhub_config.py", path=str(Path(__file__).parent))  # type: ignore[name-defined]  # noqa: F821

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from workshop import loopback  # noqa: E402

HOMES = Path(os.environ["REHEARSAL_FOLDER"]) / "homes"
PASSWORD = os.environ["REHEARSAL_PASSWORD"]
PROXY, PROXY_API, HUB = (int(port) for port in os.environ["REHEARSAL_PORTS"].split())


class RehearsalAuthenticator(DummyAuthenticator):
    """Lets in whoever knows the one password, which differs in each rehearsal; on this machine alone."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        hub = self.parent
        addresses = {name: getattr(hub, name) for name in ("bind_url", "hub_bind_url", "hub_connect_url")}
        addresses |= {name: f"http://{getattr(hub, name)}" for name in ("ip", "hub_ip") if getattr(hub, name)}
        addresses["ConfigurableHTTPProxy.api_url"] = str(hub.config.ConfigurableHTTPProxy.api_url)
        if reason := loopback.refusal(addresses):
            sys.exit(reason)

    async def authenticate(self, handler: Any, data: dict[str, str]) -> str | None:
        """Return the name if the password is right."""
        return (
            data["username"] if secrets.compare_digest(data["password"].encode(), PASSWORD.encode()) else None
        )


c.JupyterHub.bind_url = f"http://127.0.0.1:{PROXY}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{HUB}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{PROXY_API}"
c.JupyterHub.authenticator_class = RehearsalAuthenticator
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(HOMES / "{username}")
c.Spawner.environment = c.Spawner.environment | {
    "REHEARSAL_OF": os.environ["REHEARSAL_FOLDER"],  # to find them
    # One for each learner. Not in their home: the path of a socket may have 107 characters.
    "JUPYTER_RUNTIME_DIR": lambda spawner: f"{os.environ['REHEARSAL_FOLDER']}/run/{spawner.user.name}",
}
if os.getuid() == 0:
    c.Spawner.args = [*c.Spawner.args, "--allow-root"]
