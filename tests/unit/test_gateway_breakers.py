"""The gateway and its breakers: which calls are made while Storage or the database is away, and by whom."""

import fakeredis
import pytest
from supabase_server import SupabaseServer

from core.errors import CaptureRejected, NotAsked, PathTaken, Transient
from core.store.breakers import OPENS_AFTER, PROBE_EVERY_MS, Breakers
from core.supabase import SupabaseGateway

STORAGE, DATABASE = "/storage/", "/rest/"


class Project(SupabaseServer):
    """A project of which some parts answer 503."""

    def __init__(self):
        super().__init__()
        self.away = set()
        self.answer = lambda asked: (
            503 if any(part in asked.path for part in self.away) else 200,
            {"Key": "k", "Id": "i"},
        )


@pytest.fixture
def project():
    project = Project()
    yield project
    project.close()


@pytest.fixture
def now():
    return [1_760_000_000_000]


@pytest.fixture
def gateways(project, now):
    """A worker's gateway, and one that never probes."""
    redis = fakeredis.FakeRedis()
    made = [
        SupabaseGateway(project.settings, 5, Breakers.on(redis, lambda: now[0]), probes=probes)
        for probes in (True, False)
    ]
    yield made
    for gateway in made:
        gateway.close()


def upload(gateway):
    gateway.upload("captures/a.jpg", b"x")


def row(gateway):
    gateway.call("record_log")


def until_open(gateway, call):
    for _ in range(OPENS_AFTER):
        with pytest.raises(Transient):
            call(gateway)
    with pytest.raises(Transient):
        call(gateway)  # the first probe


def test_while_storage_is_away_it_is_not_asked_and_the_database_is(project, gateways, now):
    worker, _ = gateways
    assert worker.admits(storage=True)
    project.away.add(STORAGE)
    until_open(worker, upload)
    asked = len(project.asked)
    for gateway in gateways:
        for call in (upload, lambda gateway: gateway.download("captures/a.jpg")):
            with pytest.raises(NotAsked):
                call(gateway)
    assert len(project.asked) == asked
    assert not worker.admits(storage=True)
    assert worker.admits(storage=False)
    row(worker)
    assert len(project.asked) == asked + 1


def test_while_the_database_is_away_no_capture_is_tried(project, gateways):
    worker, _ = gateways
    project.away.add(DATABASE)
    until_open(worker, row)
    for ask in (row, lambda gateway: gateway.latest_errors(5)):
        with pytest.raises(NotAsked):
            ask(worker)
    assert not worker.admits(storage=True)
    assert not worker.admits(storage=False)
    upload(worker)


def test_only_a_gateway_that_probes_finds_out_that_it_is_back(project, gateways, now):
    worker, other = gateways
    project.away.add(STORAGE)
    until_open(worker, upload)
    project.away.clear()
    now[0] += PROBE_EVERY_MS
    with pytest.raises(NotAsked):
        upload(other)
    assert worker.admits(storage=True)
    upload(worker)
    now[0] += PROBE_EVERY_MS
    upload(other)


@pytest.mark.parametrize(
    ("constraint", "kind"),
    [
        ("captures_storage_path_key", PathTaken),
        ("captures_thumbnail_path_key", PathTaken),
        ("captures_pkey", CaptureRejected),
    ],
)
def test_a_row_whose_object_another_row_names_is_told_apart(project, gateways, constraint, kind):
    message = f'duplicate key value violates unique constraint "{constraint}"'
    project.answer = lambda _asked: (409, {"code": "23505", "message": message})
    with pytest.raises(CaptureRejected) as caught:
        row(gateways[0])
    assert type(caught.value) is kind
    assert caught.value.message == f"database: {message}"


def test_a_missing_object_is_known_by_its_code_alone_and_499_is_final(project, gateways):
    body = {"statusCode": "400", "error": "not_found", "message": "m"}
    project.answer = lambda _asked: (400, body)
    assert gateways[0].download("captures/a.jpg") is None
    project.answer = lambda _asked: (499, {"code": "499", "message": "m"})
    with pytest.raises(CaptureRejected):
        row(gateways[0])


def test_without_breakers_every_call_is_made(project):
    project.away.add(STORAGE)
    with project.gateway() as gateway:
        for number in range(1, OPENS_AFTER + 3):
            assert gateway.admits(storage=True)
            with pytest.raises(Transient):
                upload(gateway)
            assert len(project.asked) == number


def test_what_the_connection_breaks_is_not_asked_again_by_the_library(project):
    def end(_asked):
        raise ConnectionResetError

    project.answer = end
    with project.gateway() as gateway, pytest.raises(Transient):
        gateway.latest_errors(5)
    assert len(project.asked) == 1
