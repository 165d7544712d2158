"""A first start for an owner without SQL: companies, invitations and labels, on the embedded stack."""

import re
import subprocess
import sys
import uuid

import httpx
import pytest

from local.part import REPOSITORY, clean_environment


@pytest.fixture
def run(stack):
    """Run a command of the owner's with the settings of the stack."""

    def command(module, *arguments, **settings):
        environment = {**clean_environment(), **stack.environment(), "NO_PROXY": "127.0.0.1", **settings}
        return subprocess.run(
            [sys.executable, "-m", f"operate.{module}", *arguments],
            cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return command


class Browser:
    """Somebody with an account, who calls functions as an app does."""

    def __init__(self, stack, email):
        self._url, self._headers = stack.supabase_url, {"apikey": stack.supabase_publishable_key}
        account = {"email": email, "password": uuid.uuid4().hex}
        token = self._post("auth/v1/signup", account)["access_token"]
        self._headers["Authorization"] = f"Bearer {token}"

    def _post(self, path, body):
        answer = httpx.post(f"{self._url}/{path}", headers=self._headers, json=body).raise_for_status()
        return answer.json() if answer.content else None

    def call(self, function, **arguments):
        return self._post(f"rest/v1/rpc/{function}", arguments)


def new_name():
    return f"Greenhouse {uuid.uuid4().hex[:8]} Ltd"


def test_from_a_new_company_to_its_first_device(stack, run, tmp_path):
    name, email, device = new_name(), f"{uuid.uuid4().hex}@fleet.test", uuid.uuid4().hex[:12].upper()
    made = run("companies", "create", name, "--admin", email, "--link", "https://app.fleet.test/join")
    assert made.returncode == 0, made.stderr
    company_id = re.search(r"[0-9a-f-]{36}", made.stdout)[0]
    token = re.search(r"^https://app\.fleet\.test/join#invitation=([0-9a-f]{64})$", made.stdout, re.M)[1]

    invited = run("companies", "members", name)
    assert re.search(rf"{email} +admin .*invited until", invited.stdout), invited.stderr
    admin = Browser(stack, email)
    assert admin.call("accept_invitation", p_token=token) == company_id
    assert re.search(rf"{email} +admin .*member", run("companies", "members", company_id).stdout)

    labels = tmp_path / "labels.html"
    printed = run("devices", "codes", device, "--labels", str(labels))
    assert printed.returncode == 0, printed.stderr
    assert labels.stat().st_mode & 0o777 == 0o600
    shown = re.search(r"<code>(.+?)</code>", labels.read_text())[1].replace("<wbr>", "")
    assert re.fullmatch(r"([0-9A-Z]{4}-){3}[0-9A-Z]{4}", shown)
    assert shown not in printed.stdout
    assert admin.call("claim_device", p_code=shown.lower()) == device
    assert re.search(rf"{name} +{company_id} +1 +1 ", run("companies", "list").stdout)


def test_a_colleague_is_invited(stack, run):
    name, email = new_name(), f"{uuid.uuid4().hex}@fleet.test"
    run("companies", "create", name, "--admin", "admin@fleet.test")
    invited = run("companies", "invite", name, email, "--role", "operator")
    token = invited.stdout.split()[-1]
    Browser(stack, email).call("accept_invitation", p_token=token)
    assert re.search(rf"{email} +operator .*member", run("companies", "members", name).stdout)


def test_a_company_gets_a_quota_and_loses_it(database, run):
    name = new_name()
    run("companies", "create", name, "--admin", "admin@fleet.test")

    def quota():
        return (
            database.table("companies").select("storage_quota_bytes").eq("name", name).single().execute().data
        )

    told = run("companies", "quota", name, "1.5TB")
    assert told.stdout == f"✓ {name}: 0.0 GB in storage, 0.0 % of its quota\n", told.stderr
    assert quota() == {"storage_quota_bytes": 1_500_000_000_000}
    assert run("companies", "quota", name, "none").stdout == f"✓ {name}: 0.0 GB in storage, no quota\n"
    assert quota() == {"storage_quota_bytes": None}


def test_a_label_is_not_made_worthless_by_mistake(run, tmp_path):
    devices = [uuid.uuid4().hex[:12].upper() for _ in range(2)]
    first, second = tmp_path / "1.html", tmp_path / "2.html"
    assert run("devices", "codes", devices[0], "--labels", str(first)).returncode == 0
    again = run("devices", "codes", *devices, "--labels", str(second))
    told = f"these have a code already; --replace ends their older labels: {devices[0]}\n"
    assert (again.returncode, again.stderr) == (1, told)
    assert list(tmp_path.iterdir()) == [first]
    assert run("devices", "codes", *devices, "--labels", str(second), "--replace").returncode == 0
    assert second.read_text().count("<svg") == 2


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("companies", "create", "", "--admin", "a@fleet.test"), 1, "a company's name has 1 to 120 characters"),
        (("companies", "create", "New", "--admin", "nobody"), 1, "this is no e-mail address"),
        (("companies", "members", "Nobody & Sons"), 1, "there is no company Nobody & Sons"),
        (("companies", "invite", "Nobody & Sons", "a@fleet.test"), 1, "there is no company Nobody & Sons"),
        (("companies", "quota", "Nobody & Sons", "much"), 2, "much is no size: 500MB, 200GB or 1.5TB"),
        (("companies", "quota", "Nobody & Sons", "٢٠٠GB"), 2, "٢٠٠GB is no size: 500MB, 200GB or 1.5TB"),
        (("companies", "quota", "Nobody & Sons", "0GB"), 2, "0GB is no size: 500MB, 200GB or 1.5TB"),
        (("devices", "codes", "A B", "--labels", "x.html"), 2, "this is no id of a device: 'A B'"),
        (("devices", "codes", "A", "--labels", "README.md"), 2,
         "README.md is there already, perhaps with what is nowhere else"),
        (("devices", "codes", "A", "--labels", "nowhere/x.html"), 1,
         "cannot write: [Errno 2] No such file or directory: 'nowhere/x.html.part'"),
        (("devices", "codes", "A", "--labels", "x.html", "--passwords", "x"), 2,
         "--passwords needs --logins: the file of Mosquitto has no password that a device could use"),
        (("companies", "list", "--env-file", "nowhere.env"), 2, "no such file: nowhere.env"),
        (("companies", "members", b"\xff"), 1, "there is no company \\udcff"),
        (("companies", "create", b"\xff", "--admin", "a@fleet.test"), 1, "something that was given is not UTF-8"),
        (("devices", "codes", "A", "--labels", "x.html", "--link", "x" * 4000), 2,
         "the link does not fit into a QR code"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_one_line(run, arguments, status, told):
    answer = run(*arguments)
    assert (answer.returncode, answer.stderr) == (status, f"{told}\n")


def test_a_company_is_not_made_twice(run):
    name = new_name()
    assert run("companies", "create", name, "--admin", "a@fleet.test").returncode == 0
    again = run("companies", "create", name, "--admin", "a@fleet.test")
    assert again.stderr == f"there is a company {name} already: see `list` and `invite`\n"


def test_a_project_that_refuses_the_key_is_told_in_one_line(run):
    answer = run("companies", "list", SUPABASE_SERVICE_ROLE="sb_secret_wrong")
    assert answer.returncode == 1
    assert re.fullmatch(r"Supabase answered 40[13]\n", answer.stderr)
