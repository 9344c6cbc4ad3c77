"""The layers, read off the imports: what may know what, and what must stay quick to load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("matcher", "keys", "pages", "node", "hub", "cli")
# Which of our packages each may import, itself always.
MAY_IMPORT = {
    "matcher": set(),
    "keys": set(),
    "pages": set(),
    "node": {"matcher", "keys", "pages"},
    "hub": {"matcher", "keys", "pages"},
    "cli": {"matcher", "keys", "pages", "node", "hub"},
}
# The hub cannot hold what it cannot name.
FORBIDDEN_TO_HUB = {"keys.linkage", "keys.custody", "keys.cards", "keys.keystore"}
HEAVY = (
    "numpy",
    "fastapi",
    "sqlalchemy",
    "rich",
    "pydantic",
    "cryptography",
    "httpx2",
    "recordlinkage",
    "pandas",
)
LONGEST_MODULE = 450


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


EVERY_MODULE = [path for package in PACKAGES for path in modules(package)]
each_module = pytest.mark.parametrize("path", EVERY_MODULE, ids=lambda path: str(path.relative_to(ROOT)))


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, at the top or inside a function; `from a import b` as a and a.b."""
    package = dotted(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def test_there_are_modules_to_look_at() -> None:
    assert all(len(modules(package)) > 5 for package in PACKAGES)


@each_module
def test_a_module_imports_of_ours_only_what_its_layer_may(path: Path) -> None:
    package = dotted(path).split(".")[0]
    ours = {name.split(".")[0] for name in imports(path)} & {*PACKAGES, "tests", "benchmarks"}
    assert ours <= MAY_IMPORT[package] | {package}


@pytest.mark.parametrize("path", modules("hub"), ids=dotted)
def test_the_hub_names_no_linkage_key(path: Path) -> None:
    assert not {
        name for name in imports(path) for forbidden in FORBIDDEN_TO_HUB
        if name == forbidden or name.startswith(f"{forbidden}.")
    }  # fmt: skip


def test_the_hub_does_not_reach_a_linkage_key_through_what_it_imports() -> None:
    """The same, over all that is really loaded when the hub's application is."""
    loaded = loaded_by("import hub.app, hub.matching, hub.service, hub.homes, hub.web.application")
    assert not FORBIDDEN_TO_HUB & loaded
    assert not {name for name in loaded if name.split(".")[0] in ("node", "cli")}


def test_the_shell_of_the_pages_brings_nothing_of_ours_with_it() -> None:
    """Over all that is really loaded: no case, no token, no caseload and no table can reach it."""
    loaded = loaded_by("import pages.application, pages.account_pages, pages.help_pages")
    assert {name.split(".")[0] for name in loaded} & {*PACKAGES} == {"pages"}
    assert not {name.split(".")[0] for name in loaded} & {"sqlalchemy", "sqlite3", "click", "numpy"}


HTTP_CLIENTS = ("httpx2", "httpx", "requests", "aiohttp", "urllib3", "urllib.request", "http.client")


def test_only_the_nodes_client_speaks_http() -> None:
    """A home may name the client's type, so that tests can hand it another way to the hub."""
    importers, speakers = set(), set()
    for path in EVERY_MODULE:
        if dotted(path).startswith("cli."):
            continue
        if any(
            name == client or name.startswith(f"{client}.")
            for name in imports(path)
            for client in HTTP_CLIENTS
        ):
            importers.add(dotted(path))
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith(HTTP_CLIENTS):
                speakers.add(dotted(path))
    assert speakers == {"node.client"}
    assert importers <= {"node.client", "node.home"}


@pytest.mark.parametrize("package", ["matcher", "keys"])
def test_the_core_has_no_http_database_or_command_line(package: str) -> None:
    outside = {
        "fastapi",
        "starlette",
        "httpx2",
        "sqlalchemy",
        "click",
        "rich",
        "pydantic",
        "uvicorn",
        "sqlite3",
    }
    found = {name.split(".")[0] for path in modules(package) for name in imports(path)}
    assert not found & outside


def test_the_matcher_reads_no_clock_no_file_and_no_environment() -> None:
    for path in modules("matcher"):
        names = {name.split(".")[0] for name in imports(path)}
        assert not names & {"time", "datetime", "os", "pathlib", "socket", "random", "logging"}, dotted(path)


def test_rules_of_the_hub_know_no_http() -> None:
    """Requests, routes and status codes are for routes, pages, the application and the table of problems."""
    at_the_edge = {"hub.app", "hub.api", "hub.problems", "hub.signed_calls", "hub.service"}
    for path in modules("hub"):
        if dotted(path) in at_the_edge or dotted(path).startswith(("hub.routes", "hub.web")):
            continue
        names = {name for name in imports(path) if name.split(".")[0] in ("fastapi", "starlette", "uvicorn")}
        assert not names, dotted(path)


def loaded_by(code: str) -> set[str]:
    """Everything in `sys.modules` after running some code in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print('\\n'.join(sys.modules))"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return set(run.stdout.split())


def test_nothing_heavy_is_loaded_to_print_help() -> None:
    assert not set(HEAVY) & {name.split(".")[0] for name in loaded_by("import cli.main")}


def test_recordlinkage_is_loaded_by_nothing_but_its_bridge() -> None:
    """Importing it costs seconds, and it pins pandas below 3."""
    users = {
        dotted(path) for path in EVERY_MODULE for name in imports(path)
        if name.split(".")[0] in ("recordlinkage", "pandas", "sklearn")
    }  # fmt: skip
    assert users <= {"matcher.recordlinkage_bridge"}


@each_module
def test_a_module_is_about_one_subject(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_MODULE


@each_module
def test_nothing_happens_at_import(path: Path) -> None:
    """No settings, engines, applications or clients are made at module level, and nothing is printed."""
    made_elsewhere = {
        "load_settings", "make_settings", "HubSettings", "NodeSettings", "create_app", "create_engine",
        "FastAPI", "Client", "open_http", "open", "print", "getenv", "now", "today", "utc_now", "mkdir",
    }  # fmt: skip
    for statement in ast.parse(path.read_text("utf-8")).body:
        if isinstance(
            statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
        ):
            continue
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "__name__ == '__main__'":
            continue
        calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
        called = {getattr(call.func, "attr", getattr(call.func, "id", "")) for call in calls}
        assert not called & made_elsewhere, f"{dotted(path)}, line {statement.lineno}"


@each_module
def test_a_module_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree) or not tree.body
