"""The stack's Supabase: Supabase Lite, the Supabase team's local server on PGlite, with `sql/` applied."""

import hashlib
import http.client
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from secrets import token_urlsafe

from local.node import FOLDER, LITE, node_binary
from local.part import REPOSITORY, Part, clean_environment
from local.ports import LOOPBACK, StackError
from local.secret_files import SecretFiles

SCHEMA = REPOSITORY / "sql" / "install.sql"
TEMPLATES = REPOSITORY / ".local" / "templates"
_KEPT_TEMPLATES = 3
# In a project's folder: the fingerprint of what was applied to it.
_APPLIED = "applied"

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
    parts = (
        (FOLDER / "package-lock.json").read_bytes(),
        _CONFIG.encode(),
        _APPLIED.encode(),
        SCHEMA.read_bytes(),
    )
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


class SupabaseLite(Part):
    """Auth, PostgREST and Storage on one port, with their own PGlite database."""

    name = "supabase"
    title = "Supabase Lite"
    start_timeout = 60.0

    def __init__(self, directory: Path, port: int | None = None) -> None:
        super().__init__(directory, port)
        # A directory that is kept has its own, so that those who have signed in stay so.
        kept = SecretFiles(directory)
        self.secret_key = kept.get("secret_key", lambda: f"sb_secret_{token_urlsafe(24)}")
        self.publishable_key = kept.get("publishable_key", lambda: f"sb_publishable_{token_urlsafe(24)}")
        self._jwt_secret = kept.get("jwt_secret", lambda: token_urlsafe(48))

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
        """Copy a migrated project into the directory, or bring the one that is there up to date with `sql/`.

        Raises StackError if `sql/` does not apply.
        """
        project, present = self.directory / "supabase", fingerprint()
        if not project.exists():
            template = TEMPLATES / present
            if not template.exists():
                self._build_template(template)
            shutil.copytree(template, project)
        (project / "config.toml").write_text(_CONFIG.format(port=self.port))
        applied = project / _APPLIED
        if applied.read_text() != present:
            self._install(self.directory, present)

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
            self._install(Path(folder), template.name)
            try:
                project.rename(template)
            except OSError:
                if not template.exists():  # otherwise another stack was faster
                    raise
        _drop_old_templates()

    def _install(self, folder: Path, fingerprint: str) -> None:
        """Run `sql/install.sql`, which may run any number of times, in the project of a folder."""
        # The server runs each file once, in the order of the times with which their names begin.
        name = f"{time.strftime('%Y%m%d%H%M%S', time.gmtime())}_install.sql"
        file = folder / "supabase" / "migrations" / name
        shutil.copyfile(SCHEMA, file)
        try:
            self._migrate(folder)
        except StackError:
            file.unlink()  # or the next start would begin with it
            raise
        (folder / "supabase" / _APPLIED).write_text(fingerprint)

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
