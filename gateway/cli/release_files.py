"""Release files as they lie on disk, with the texts they name."""

from pathlib import Path
from typing import Any

from gateway.cli.failures import Failure, told


def contents(file: Path) -> tuple[bytes, dict[str, bytes]]:
    """The file, and each text of its terms that is there, by the path it gives."""
    from gateway.releases.files import paths_of_terms

    content = file.read_bytes()
    documents = {}
    for path in paths_of_terms(content):
        text = file.parent / path
        if text.is_file():
            documents[path] = text.read_bytes()
    return content, documents


def strategy_in(file: Path) -> Any:
    """The strategy that a file says. Raises Failure with every mistake."""
    from gateway.releases.files import read_release

    content, documents = contents(file)
    with told(str(file)):
        return read_release(content, documents, name=file.name).strategy_at()


def sent(file: Path) -> dict[str, Any]:
    """A release file and the texts it names, as they are sent."""
    content, documents = contents(file)
    try:
        return {
            "name": file.name,
            "file": content.decode(),
            "documents": {path: text.decode() for path, text in documents.items()},
        }
    except UnicodeDecodeError:
        raise Failure(f"{file}, or a text that it names, is not UTF-8.", "Write it in UTF-8.") from None
