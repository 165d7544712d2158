"""What is mutated, and which tests judge it.

The tests of a file are those of `make test` that concern it, in stages: a mutant that an early, quick stage
notices does not see the later ones.
"""

from fnmatch import fnmatch
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[1]

Stages = tuple[tuple[str, ...], ...]

# The models are left out, since they are slow, and fakeredis, since redis-server answers the same: a mutant
# that they alone notice counts as a survivor.
_CONTRACT: Final = (
    "tests/contract",
    "tests/unit/test_redis_limits.py",
    "-k=not fakeredis",
    "--ignore-glob=tests/contract/test_*_model.py",
)
_WAY: Final = ("tests/integration/test_way_of_a_capture.py", "tests/integration/test_sweep.py")
_TALK: Final = ("tests/integration/test_conversation.py",)
_STATIONS: Final = ("tests/unit/test_stations.py",)
_DECODE: Final = ("tests/unit/test_decode.py",)
_DECODERS: Final = ("tests/unit/test_decoders.py",)
_BROKEN: Final = ("tests/integration/test_broken_streams.py", "tests/integration/test_paths.py")
_GATEWAY: Final = (
    "tests/unit/test_supabase_answers.py",
    "tests/unit/test_gateway_breakers.py",
    "tests/unit/test_supabase.py",
)
_KEPT: Final = ("tests/integration/test_restricted.py", "tests/integration/test_requeue.py")

# The first pattern that fits a file counts.
JUDGES: Final[dict[str, Stages]] = {
    "core/wire.py": (
        ("tests/unit/test_wire_bounds.py", "tests/unit/test_protocol.py"),
        ("tests/unit/test_receive.py",),
    ),
    "core/store/keys.py": (_CONTRACT, ("tests/integration/test_keys.py",)),
    "core/store/devices.py": (_CONTRACT, _TALK),
    "core/store/streams.py": (
        ("tests/contract/test_streams.py", "tests/unit/test_message_log.py"),
        ("tests/integration/test_flush_log.py",),
    ),
    "core/store/connection.py": (_CONTRACT, ("tests/integration/test_redis_waits.py",)),
    "core/store/listeners.py": (_CONTRACT, _WAY),
    "core/store/*.py": (("tests/unit/test_stations.py", *_CONTRACT), (*_WAY, *_BROKEN)),
    "core/store/lua/*.lua": (_CONTRACT, (*_WAY, *_BROKEN)),
    "core/supabase.py": (_GATEWAY, _WAY, _KEPT),
    "tasks/stations/header.py": (("tests/unit/test_header.py",), _DECODE),
    "tasks/stations/decode.py": (_DECODE,),
    "tasks/decoder.py": (_DECODE, _DECODERS),
    "tasks/decoders.py": (_DECODERS, _DECODE),
    "tasks/stations/persist.py": (_STATIONS, ("tests/integration/test_rows.py",), _WAY),
    "tasks/stations/upload.py": (_STATIONS, _WAY, _BROKEN, _KEPT),
    "tasks/stations/*.py": (_STATIONS,),
    "tasks/pipeline.py": (_WAY, _BROKEN, _TALK, _KEPT),
    "tasks/flush_log.py": (("tests/integration/test_flush_log.py",),),
    "listener/message_log.py": (("tests/unit/test_message_log.py",), ("tests/unit/test_receive.py",)),
}
# Files that only hold names and values for others.
LEFT_OUT: Final = ("*/__init__.py",)


def stages_of(path: str) -> Stages:
    """Return the stages of tests for a file; raise LookupError if it is not mutated."""
    if not any(fnmatch(path, pattern) for pattern in LEFT_OUT):
        for pattern, stages in JUDGES.items():
            if fnmatch(path, pattern):
                return stages
    raise LookupError(path)


def mutated_files() -> list[str]:
    """Return the files that are mutated, from the top of the repository."""
    paths = {
        path.relative_to(REPOSITORY).as_posix()
        for pattern in JUDGES
        for path in REPOSITORY.glob(pattern)
        if not any(fnmatch(path.as_posix(), left_out) for left_out in LEFT_OUT)
    }
    return sorted(paths)
