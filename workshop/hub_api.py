"""What a browser asks the hub and a learner's server for: log in, start the server, open, save."""

import asyncio
import json
import time
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPResponse

SERVER_SECONDS = 300  # for a server to start, or to end
RETRY_SECONDS = 120  # how long a request is tried again while the hub is away


class HubApi:
    """One learner's connection, first with the cookies of the login, then with a token of their own."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.name = name
        self.token = ""
        self.tried_again = 0
        self._client = AsyncHTTPClient(force_instance=True)
        self._cookies: dict[str, str] = {}

    async def log_in(self, password: str) -> None:
        """Log in with name and password through the form, as everybody does, and get a token."""
        await self._browse("GET", "/hub/login")
        form = urlencode(
            {"username": self.name, "password": password, "_xsrf": self._cookies.get("_xsrf", "")}
        )
        await self._browse("POST", "/hub/login", form)
        await self._browse("GET", "/hub/home")  # gives the xsrf cookie of the one who is logged in
        made = await self._browse(
            "POST", f"/hub/api/users/{self.name}/tokens", json.dumps({"note": "rehearsal"})
        )
        self.token = json.loads(made.body)["token"]

    async def start_server(self) -> None:
        """Start the learner's server, and wait until it is ready; a hub that is busy is asked again.

        Raises:
            TimeoutError: if it is not ready in time.
        """
        until = time.monotonic() + SERVER_SECONDS
        await self.ask("POST", f"/hub/api/users/{self.name}/server", {}, also_fine=(400,))
        while time.monotonic() < until:
            server = (await self.ask("GET", f"/hub/api/users/{self.name}"))["servers"].get("")
            if server and server["ready"]:
                return
            if server is None:
                await self.ask("POST", f"/hub/api/users/{self.name}/server", {}, also_fine=(400,))
            await asyncio.sleep(0.5)
        raise TimeoutError(f"the server is not ready after {SERVER_SECONDS} s")

    async def stop_server(self) -> None:
        """Stop the learner's server, and wait until it has ended.

        Raises:
            TimeoutError: if it has not ended in time.
        """
        until = time.monotonic() + SERVER_SECONDS
        await self.ask("DELETE", f"/hub/api/users/{self.name}/server")
        while (await self.ask("GET", f"/hub/api/users/{self.name}"))["servers"]:
            if time.monotonic() > until:
                raise TimeoutError(f"the server has not ended after {SERVER_SECONDS} s")
            await asyncio.sleep(0.5)

    async def ask(self, method: str, path: str, body: Any = None, also_fine: tuple[int, ...] = ()) -> Any:
        """Ask for something with the token, and return the answer's JSON.

        While a server or the hub is away or busy, the request is made again, and counted in `tried_again`.

        Raises:
            HTTPClientError: if it is refused, or if it still fails after a while.
        """
        until = time.monotonic() + RETRY_SECONDS
        while True:
            try:
                answer = await self._client.fetch(
                    self.url + path, method=method, headers={"Authorization": f"token {self.token}"},
                    body=None if body is None else json.dumps(body), request_timeout=120,
                    allow_nonstandard_methods=True,
                )  # fmt: skip
                return json.loads(answer.body) if answer.body else None
            except (HTTPClientError, OSError) as error:
                status = error.code if isinstance(error, HTTPClientError) else 599
                if status in also_fine:
                    return None
                if (status < 500 and status != 429) or time.monotonic() > until:
                    raise
                self.tried_again += 1
                await asyncio.sleep(1)

    def server(self, path: str) -> str:
        """Return the path of something on the learner's own server."""
        return f"/user/{self.name}/api/{path}"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    async def _browse(self, method: str, path: str, body: str | None = None) -> HTTPResponse:
        """Ask with cookies, as a browser."""
        to_api = path.startswith("/hub/api/")
        headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items()),
            "Content-Type": "application/json" if to_api else "application/x-www-form-urlencoded",
            "X-XSRFToken": self._cookies.get("_xsrf", ""),
            "Sec-Fetch-Mode": "cors" if to_api else "navigate",
            "Sec-Fetch-Site": "same-origin",
        }
        answer = await self._client.fetch(
            self.url + path, method=method, body=body, headers=headers, follow_redirects=False, raise_error=False,
            request_timeout=120,
        )  # fmt: skip
        if answer.code >= 400:
            raise ConnectionError(f"{method} {path} is answered {answer.code}: {answer.body[:200]!r}")
        for header in answer.headers.get_list("Set-Cookie"):
            self._cookies |= {name: morsel.value for name, morsel in SimpleCookie(header).items()}
        return answer
