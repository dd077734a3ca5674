"""The file format of exported samplers: what is written, how, and what is refused on reading."""

import io
import json
import os
import secrets
import zipfile
import zlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, Self

from rugged_widget.errors import RuggedWidgetError
from rugged_widget.validation import checked_flag

ABOUT_NAME: Final = "rugged_widget.json"
"""Extra file in an archive that says what it is."""

FORMAT: Final = "rugged_widget regression sampler"
VERSION: Final = 1

MAX_BYTES: Final = 16 * 2**20
"""Bytes of an archive, and of what it unpacks to; ours have some twenty thousand."""
MAX_ABOUT_BYTES: Final = 2**16
MAX_ENTRIES: Final = 100

_PACKINGS: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # torch packs the code where that makes it shorter
_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,  # an archive that is encrypted, or says so
    NotImplementedError,
    EOFError,
    OSError,
    ValueError,
    KeyError,
)
"""What `zipfile` and `json` raise for content that makes no sense."""


class ExportError(RuggedWidgetError):
    """A sampler cannot be saved, or a file cannot be read as one: it is missing, damaged or something else."""


@dataclass(frozen=True)
class About:
    """What is written beside the module; the attributes are as of `LoadedSampler`."""

    guide: str
    feature_names: tuple[str, ...]
    group_labels: tuple[str, ...]
    step: int
    seed: int | None

    def to_json(self) -> str:
        """Write it as text, with name and version of the format."""
        return json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)})

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` writes; ValueError is raised for anything else."""
        content = json.loads(text)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ValueError("it was not written by rugged_widget")
        if content.get("version") != VERSION:
            raise ValueError(f"it is of version {content.get('version')!r}, and version {VERSION} is what can be read")
        names = [item.name for item in fields(cls)]
        if set(content) != {"format", "version", *names}:
            raise ValueError(f"its description must hold {', '.join(names)}")
        feature_names, group_labels = content["feature_names"], content["group_labels"]
        for value in (feature_names, group_labels, [content["guide"]]):
            if not (isinstance(value, list) and all(isinstance(text, str) for text in value)):
                raise ValueError("the texts of its description are not as they should be")
        if len(group_labels) not in {0, 2} or len(feature_names) < (3 if group_labels else 1):
            raise ValueError("the texts of its description are not as many as they should be")
        for value in (content["step"], 0 if content["seed"] is None else content["seed"]):
            if type(value) is not int or value < 0:
                raise ValueError("the numbers of its description are not as they should be")
        return cls(content["guide"], tuple(feature_names), tuple(group_labels), content["step"], content["seed"])


def read_archive(path: str | os.PathLike[str]) -> tuple[bytes, About]:
    """Read a file whole, see that it is an undamaged TorchScript archive saved here, and return what was checked.

    Every byte of the archive's content is held against its checksum, because `torch.jit.load` may crash the process
    where what it reads makes no sense. The content is to be loaded in the place of the file. ExportError is raised
    where it is missing, damaged or something else, TypeError where path is no path.
    """
    where = checked_path(path)
    try:
        size = where.stat().st_size
        if size > MAX_BYTES:
            raise ExportError(f"{where} cannot be read as a saved sampler: it has {size} bytes, which no such file has")
        content = where.read_bytes()
    except (OSError, ValueError) as error:  # ValueError of a zero byte in the path
        raise ExportError(f"{where} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    try:
        return _checked(content)
    except _DAMAGE as error:
        raise ExportError(f"{where} cannot be read as a saved sampler: {error}") from error


def _checked(content: bytes) -> tuple[bytes, About]:
    parts = _parts(content)
    root = next(iter(parts), "").partition("/")[0]
    names = {f"{root}/{name}" for name in (f"extra/{ABOUT_NAME}", "data.pkl", "constants.pkl", "version")}
    if missing := sorted(names - set(parts)):
        raise ValueError(f"{missing[0]} is missing in it, so it is no TorchScript that rugged_widget saved")
    text = parts[f"{root}/extra/{ABOUT_NAME}"]
    if len(text) > MAX_ABOUT_BYTES:
        raise ValueError("its description is longer than any that rugged_widget writes")
    # packed anew, so that torch, which reads zip files in another way than Python, sees what was checked
    return _packed(parts), About.from_json(text)


def _parts(content: bytes) -> dict[str, bytes]:
    """Unpack an archive; every part is held against its checksum."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        names, sizes = [entry.filename for entry in entries], [entry.file_size for entry in entries]
        if len(names) > MAX_ENTRIES or len(set(names)) < len(names):
            raise ValueError("its list of contents is not that of a saved sampler")
        if any(entry.compress_type not in _PACKINGS for entry in entries) or sum(sizes) > MAX_BYTES:
            raise ValueError("its contents are packed in a way that torch does not use")
        return {name: archive.read(name) for name in names}


def _packed(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, part in parts.items():
            archive.writestr(zipfile.ZipInfo(name), part)  # of no date, so that the same parts make the same file
    return buffer.getvalue()


def without_sources(content: bytes) -> bytes:
    """Leave out of an archive of TorchScript what only serves its error messages: the lines of Python it was made of.

    They come with the path of this package, and so with the name of the user's home: not for a file to give away.
    """
    return _packed({name: part for name, part in _parts(content).items() if not name.endswith(".debug_pkl")})


def checked_path(path: Any) -> Path:
    """Return a path, or say that it is none."""
    if not isinstance(path, (str, os.PathLike)) or isinstance(os.fspath(path), bytes):
        raise TypeError(f"path must be a text or a Path, got {path!r}")
    return Path(path)


def checked_target(path: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """Return where a file can be saved, as it was given, or say why it cannot.

    TypeError is raised where path is no path, or overwrite no bool; FileNotFoundError, IsADirectoryError or
    FileExistsError where its folder is not there, it is a folder itself, or there is a file that may not be replaced.
    """
    target = checked_path(path)
    overwrite = checked_flag(overwrite, "overwrite")
    if target.is_dir():
        raise IsADirectoryError(f"path must name a file, and {target} is a folder")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {target.parent} to save {target.name} in; make it first")
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} is there already; pass overwrite=True to replace it")
    return target


def write_whole(target: Path, content: bytes) -> None:
    """Write a file, in a folder that is there, so that at any time there is the old one or the whole new one.

    Where it cannot be written, OSError is raised, the old file is as it was, and nothing else is left behind.
    """
    place = Path(os.path.realpath(target))  # of a link, what it points to
    temporary = place.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
