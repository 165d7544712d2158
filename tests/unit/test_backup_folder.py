"""The folder of a backup: wherever taking one is cut off, the one before is whole, and what is damaged is named."""

from pathlib import Path

import pytest

from operate.backup import BackupError
from operate.backup.folder import Folder

DUMPS = ("rows", "accounts")


def take(folder: Folder, text: bytes, *objects: str) -> None:
    for name in DUMPS:
        folder.unfinished(name).write_bytes(text)
    folder.finish(DUMPS, {name: folder.put(name, [text]) for name in objects})


def read(folder: Folder) -> dict[str, bytes]:
    """What a restore takes."""
    whole = folder.whole()
    found = {name: folder.dump(name) for name in DUMPS}
    assert {path.name for path in found.values()} == {name for name in whole if "/" not in name}
    objects = {name: folder.checked(name, digest) for name, digest in whole.items() if "/" in name}
    return {name: path.read_bytes() for name, path in (found | objects).items()}


@pytest.mark.parametrize("step", range(4))
def test_wherever_its_end_is_cut_off_the_backup_before_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    folder = Folder(tmp_path)
    take(folder, b"first", "objects/a.jpg")
    first = read(folder)
    left = iter(range(step))
    replace = Path.replace

    def cut_off(draft: Path, path: Path) -> Path:
        if draft.name.removesuffix(".part") in (*DUMPS, "SHA256SUMS") and next(left, None) is None:
            raise KeyboardInterrupt
        return replace(draft, path)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", cut_off)
        if step < 3:
            with pytest.raises(KeyboardInterrupt):
                take(folder, b"later", "objects/b.jpg")
            assert read(folder) == first
        else:
            take(folder, b"later", "objects/b.jpg")
    take(folder, b"later", "objects/b.jpg")
    assert read(folder) == {"rows": b"later", "accounts": b"later", "objects/b.jpg": b"later"}
    assert len(list(tmp_path.glob("*.dump"))) == len(DUMPS), "those of before are gone"


def test_what_is_damaged_is_named_and_once_deleted_not_taken_to_be_there(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    take(folder, b"first", "objects/a.jpg", "objects/b.jpg")
    (tmp_path / "objects/a.jpg").write_bytes(b"fir")
    with pytest.raises(BackupError, match=r"objects/a\.jpg .*: delete it and take the backup again"):
        read(folder)
    (tmp_path / "objects/a.jpg").unlink()
    assert "objects/a.jpg" not in folder.at_hand()
    assert "objects/b.jpg" in folder.at_hand()


def test_no_backup_is_found_where_a_dump_was_never_finished(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for name in DUMPS:
        folder.unfinished(name).write_bytes(b"first")
    folder.put("objects/a.jpg", [b"first"])
    with pytest.raises(BackupError, match="there is no whole backup in"):
        folder.dump("rows")
