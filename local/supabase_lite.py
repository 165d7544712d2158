"""The stack's Supabase: Supabase Lite, the Supabase team's local server on PGlite, with `sql/` applied."""

import hashlib
import http.client
import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

from local.node import FOLDER, LITE, node_binary
from local.part import REPOSITORY, Part, clean_environment
from local.ports import LOOPBACK, StackError

SCHEMA = REPOSITORY / "sql" / "install.sql"
TEMPLATES = REPOSITORY / ".local" / "templates"
_KEPT_TEMPLATES = 3

_CONFIG = """\
[api]
port = {port}
schemas = ["public", "storage"]

[db]
driver = "pglite"
url = "supabase/data"

[storage]
enabled = true
file_size_limit = "50MiB"

[auth]
enabled = true
jwt_secret = "env(SUPABASE_JWT_SECRET)"
jwt_expiry = 3600
enable_signup = true
publishable_key = "env(SUPABASE_PUBLISHABLE_KEY)"
secret_key = "env(SUPABASE_SECRET_KEY)"

[auth.email]
enable_confirmations = false
"""


def fingerprint() -> str:
    """Return a hash of everything that a migrated project depends on."""
    parts = (FOLDER / "package-lock.json").read_bytes(), _CONFIG.encode(), SCHEMA.read_bytes()
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


class SupabaseLite(Part):
    """Auth, PostgREST and Storage on one port, with their own PGlite database."""

    name = "supabase"
    title = "Supabase Lite"
    start_timeout = 60.0

    def __init__(self, directory: Path, port: int | None = None) -> None:
        super().__init__(directory, port)
        self.secret_key = f"sb_secret_{secrets.token_urlsafe(24)}"
        self.publishable_key = f"sb_publishable_{secrets.token_urlsafe(24)}"
        self._jwt_secret = secrets.token_urlsafe(48)

    @property
    def url(self) -> str:
        """The URL for Supabase clients."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def data(self) -> Path:
        """The folder of the database files; only one process at a time may have them open."""
        return self.directory / "supabase" / "data"

    def environment(self) -> dict[str, str]:
        """Return the server's environment: its switches and its keys."""
        return {
            **clean_environment(),
            "EXPERIMENTAL_STORAGE": "1",
            "LITE_TELEMETRY": "0",
            "LITE_NON_INTERACTIVE": "1",
            "NO_COLOR": "1",
            "SUPABASE_SECRET_KEY": self.secret_key,
            "SUPABASE_PUBLISHABLE_KEY": self.publishable_key,
            "SUPABASE_JWT_SECRET": self._jwt_secret,
        }

    def prepare(self) -> None:
        """Copy a migrated project into the directory unless it already contains one."""
        project = self.directory / "supabase"
        if not project.exists():
            template = TEMPLATES / fingerprint()
            if not template.exists():
                self._build_template(template)
            shutil.copytree(template, project)
        (project / "config.toml").write_text(_CONFIG.format(port=self.port))

    def command(self) -> list[str]:
        """Run the server; `--no-admin` keeps requests without a key from getting the service's rights."""
        preload = (FOLDER / "lite_preload.mjs").as_uri()
        return [node_binary(), "--import", preload, str(LITE), "start", "--no-admin"]

    def ready(self) -> bool:
        """Whether the REST API answers a request with the secret key."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=5)
        try:
            connection.request("GET", "/rest/v1/", headers={"apikey": self.secret_key})
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _build_template(self, template: Path) -> None:
        """Migrate an empty project and keep it as a template, because a migration takes seconds."""
        template.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=template.parent, prefix="building-") as folder:
            project = Path(folder) / "supabase"
            (project / "migrations").mkdir(parents=True)
            (project / "config.toml").write_text(_CONFIG.format(port=self.port))
            # The server wants a timestamp at the start of the name.
            shutil.copyfile(SCHEMA, project / "migrations" / "20250101000000_install.sql")
            self._migrate(Path(folder))
            try:
                project.rename(template)
            except OSError:
                if not template.exists():  # otherwise another stack was faster
                    raise
        _drop_old_templates()

    def _migrate(self, folder: Path) -> None:
        answer = subprocess.run(
            [node_binary(), str(LITE), "migration", "up"],
            cwd=folder,
            env=self.environment(),
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        # The command ends with status 0 even if a migration has failed.
        if answer.returncode != 0 or "Migration failed" in answer.stdout:
            raise StackError(f"supabase: sql/install.sql does not apply:\n{answer.stdout.strip()}")


def _drop_old_templates() -> None:
    """Remove all but the newest templates, because each takes 40 MB."""
    templates = [
        path for path in TEMPLATES.iterdir() if path.is_dir() and not path.name.startswith("building-")
    ]
    for path in sorted(templates, key=os.path.getmtime, reverse=True)[_KEPT_TEMPLATES:]:
        shutil.rmtree(path, ignore_errors=True)
