"""The rules of the house that import contracts cannot say."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "gateway").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

LENGTH_MAX = 400
STORES = {
    "store.py", "tables.py", "search.py", "populations.py", "lasting.py", "index.py", "recovery.py", "compiled.py",
    "acts.py",
}  # fmt: skip
"""Files of an area that may hold SQL, beside everything in database/."""
DOORS = {"control", "hub", "inference", "oauth", "scim"}
NAMES_OF_NOTHING = {"manager", "helper", "helpers", "util", "utils", "common", "base", "misc", "handler", "handlers"}
NO_AREA = {"abuse", "benchmarks", "cluster", "contracts", "fakes", "faults", "helm", "journeys", "real"}
"""Folders of tests that mirror no folder of the gateway."""


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Each import as module and name; the name is empty where the module itself is imported."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def area(path: Path) -> str:
    parts = path.relative_to(ROOT / "gateway").parts
    return parts[0] if len(parts) > 1 else ""


def test_the_house_is_there() -> None:
    assert {"access", "database", "hub", "identity", "inference", "ledger", "releases"} <= {area(m) for m in MODULES}


def test_no_module_is_longer_than_can_be_held_in_mind() -> None:
    long = {relative(path): len(path.read_text().splitlines()) for path in MODULES}

    assert {path: lines for path, lines in long.items() if lines > LENGTH_MAX} == {}


def test_every_module_says_what_it_is_for() -> None:
    assert [relative(path) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_no_file_is_named_after_nothing() -> None:
    assert [relative(path) for path in [*MODULES, *TESTS] if set(path.stem.split("_")) & NAMES_OF_NOTHING] == []


def test_types_are_imported_like_everything_else() -> None:
    """Frameworks read annotations at run time; an import that is only there for the checker breaks them late."""
    assert [relative(path) for path in MODULES if ("typing", "TYPE_CHECKING") in imports(path)] == []


def test_sql_is_written_in_stores_only() -> None:
    """Elsewhere a transaction is passed on, which takes its type (and the names of its errors), nothing more."""
    strangers = [
        (relative(path), f"{module}.{name}")
        for path in MODULES
        if path.name not in STORES and area(path) != "database"
        for module, name in imports(path)
        if module.split(".")[0] == "sqlalchemy" and (module, name) not in _PASSED_ON
    ]

    assert strangers == []


_PASSED_ON = {("sqlalchemy", "Connection"), ("sqlalchemy", "exc")}


def test_doors_hold_no_connection_to_the_database() -> None:
    strangers = [
        relative(path)
        for path in MODULES
        if area(path) in DOORS
        for module, _ in imports(path)
        if module.split(".")[0] in {"sqlalchemy", "alembic"}
    ]

    assert strangers == []


@pytest.mark.parametrize("word", ["environ", "getenv"])
def test_the_environment_is_read_in_settings_and_by_the_client_only(word: str) -> None:
    readers = [
        relative(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == word
    ]

    assert set(readers) <= {"gateway/settings.py", "gateway/cli/environment.py"}


def test_every_folder_of_tests_mirrors_one_of_the_gateway() -> None:
    areas = {path.name for path in (ROOT / "gateway").iterdir() if path.is_dir()}
    folders = {path.parent.relative_to(ROOT / "tests").parts[0] for path in TESTS if path.parent != ROOT / "tests"}

    assert folders - NO_AREA <= areas


def test_every_test_has_a_name_that_can_be_false() -> None:
    """A sentence, not a label: three words at least."""
    labels = [
        f"{relative(path)}: {node.name}"
        for path in TESTS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and len(node.name.split("_")) < 4
    ]

    assert labels == []


def test_no_lock_file_carries_an_address() -> None:
    locks = [*ROOT.glob("*.lock"), ROOT / "tools" / "identity-provider" / "package-lock.json"]

    assert len(locks) > 2
    assert [path.name for path in locks if "://" in path.read_text("utf-8")] == []


def test_locked_packages_are_installed_without_resolving_anew() -> None:
    """What is released after the lock must change nothing; pip before 24 looks, and fails for want of a hash."""
    places = [ROOT / "Makefile", ROOT / "Dockerfile", ROOT / "benchmarks" / "install.py"]
    lines = [line for path in places for line in path.read_text("utf-8").splitlines() if "--require-hashes" in line]

    assert len(lines) == 3
    assert [line for line in lines if "--no-deps" not in line] == []
