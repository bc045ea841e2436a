"""Files in memory, for what reads those of a volume or an image."""

from __future__ import annotations

from osdimage.imaging.files import FileFacts, FileSource, split_path


class Files(FileSource):
    """Files in memory."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__("made up")
        self._files = files

    def find(self, path: str) -> FileFacts | None:
        wanted = "/".join(split_path(path))
        for each, data in self._files.items():
            if each == wanted:
                return FileFacts(each, is_directory=False, size=len(data), attributes=0, modified_ns=None)
        is_above = any(each.startswith(f"{wanted}/") for each in self._files)
        return FileFacts(wanted, is_directory=True, size=0, attributes=0, modified_ns=None) if is_above else None

    def list(self, path: str = "") -> list[FileFacts]:
        above = "/".join(split_path(path))
        names = {each[len(above) + 1 :].partition("/")[0] for each in self._files if each.startswith(f"{above}/")}
        return [found for name in sorted(names) if (found := self.find(f"{above}/{name}")) is not None]

    def _read(self, facts: FileFacts) -> bytes:
        return self._files[facts.path]
