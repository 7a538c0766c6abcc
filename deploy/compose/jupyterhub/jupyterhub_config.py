"""A hub to try `jupyter_copy` with: one password for every name, and the users' servers in the hub's own container."""

import os
from pathlib import Path

c = get_config()  # noqa: F821 - the hub offers it

STATE = Path(os.environ.get("HUB_STATE", "/srv/jupyterhub"))
SECRETS = Path(os.environ.get("HUB_TOKEN_FILE", "/run/secrets/jupyterhub-token")).parent


def secret(name):
    return (SECRETS / name).read_text(encoding="utf8").strip()


c.JupyterHub.bind_url = os.environ.get("HUB_BIND_URL", "http://:8000")
c.JupyterHub.db_url = f"sqlite:///{STATE}/hub.sqlite"
c.JupyterHub.cookie_secret_file = str(STATE / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(STATE / "proxy.pid")

c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = secret("jupyterhub-password")
c.Authenticator.allowed_users = {"ana", "jane"}

c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = f"{STATE}/home/{{username}}"
c.Spawner.default_url = "/lab"

# The service of staging: what docs/operating.md says that it needs, and no more.
c.JupyterHub.services = [{"name": "staging", "api_token": secret("jupyterhub-token")}]
c.JupyterHub.load_roles = [
    {"name": "staging", "services": ["staging"], "scopes": ["servers", "tokens", "access:servers"]}
]
