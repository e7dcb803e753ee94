"""The image, its bill of materials, and the file for those without Kubernetes."""

import importlib.util
import json
import re
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
import yaml

from gateway import __version__
from tests.helm.charts import CHART, ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
OURS = ("migration", "policies", "gateway")


def sbom() -> ModuleType:
    """The tool, which is no package: it runs where nothing is installed."""
    spec = importlib.util.spec_from_file_location("sbom", ROOT / "tools" / "sbom.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["sbom"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("sbom") / "sbom.json"
    subprocess.run(["python3", "-I", ROOT / "tools" / "sbom.py", "--output", path], check=True)
    return dict(json.loads(path.read_bytes()))


def test_every_package_of_the_lock_is_in_the_bill_with_every_digest(bill: dict[str, Any]) -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    named = {component["purl"] for component in bill["components"]}
    digests = {each["value"] for c in bill["components"] for each in c["properties"] if each["name"].endswith("sha256")}

    assert len(named) == len(re.findall(r"^[A-Za-z0-9][^ ]*==", lock, re.MULTILINE)) > 20
    assert digests == set(re.findall(r"sha256:([0-9a-f]{64})", lock))
    assert any(purl.startswith("pkg:pypi/litestar@") for purl in named)


def test_the_bill_says_what_needs_what_and_the_same_lock_gives_the_same_bill(bill: dict[str, Any]) -> None:
    below = {each["ref"].partition("@")[0]: each["dependsOn"] for each in bill["dependencies"]}
    reached: set[str] = set()
    waiting = [bill["metadata"]["component"]["bom-ref"]]
    while waiting:
        ref = waiting.pop()
        if ref not in reached:
            reached.add(ref)
            waiting += next(each["dependsOn"] for each in bill["dependencies"] if each["ref"] == ref)

    assert any(ref.startswith("pkg:pypi/aiohttp@") for ref in below["pkg:pypi/opa-python-client"])
    assert {component["bom-ref"] for component in bill["components"]} - reached <= only_for_building(bill)
    assert bill["metadata"]["component"]["version"] == __version__
    made = sbom()
    again = made.document(made.read_lock((ROOT / "requirements.lock").read_text("utf-8")), __version__)
    assert again == bill


def only_for_building(bill: dict[str, Any]) -> set[str]:
    """What nothing at run time needs: the builder of the wheel, and what it needs itself."""
    names = {"hatchling", "packaging", "pathspec", "pluggy", "trove-classifiers", "editables"}
    return {c["bom-ref"] for c in bill["components"] if c["name"] in names}


def test_a_lock_that_is_not_understood_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="line 2"):
        sbom().read_lock("a==1 \\\n-e ./somewhere\n")


def test_the_image_is_made_of_locked_wheels_and_runs_as_nobody() -> None:
    *_, last = DOCKERFILE.split("\nFROM ")

    assert "--require-hashes --no-deps --only-binary=:all: -r requirements.lock" in DOCKERFILE
    assert "--no-index --no-deps --no-build-isolation" in DOCKERFILE
    assert "USER 10001:10001" in last and "ADD " not in DOCKERFILE
    assert not re.search(r"^(ENV|ARG)\b.*(SECRET|TOKEN|PASSWORD)", DOCKERFILE, re.MULTILINE | re.IGNORECASE)
    copied = {line.split()[1] for line in DOCKERFILE.splitlines() if line.startswith("COPY ") and "--from" not in line}
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    assert copied <= allowed | {"requirements.lock"} and all((ROOT / name).exists() for name in allowed)


def test_a_base_without_a_digest_is_refused() -> None:
    ran = subprocess.run(
        ["make", "-n", "image", "BASE=python:3.13"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    run = subprocess.run(
        ["make", "image", "BASE=python:3.13", "ENGINE=false"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0 and f"release-gateway:{__version__}" in ran.stdout
    assert run.returncode != 0 and "by its digest" in run.stderr


def test_compose_restricts_what_is_ours_and_has_no_secret_in_it() -> None:
    services = COMPOSE["services"]

    for name in (*OURS, "opa"):
        service = services[name]
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
    assert services["gateway"]["ports"] == ["127.0.0.1:8080:8080"]
    assert services["policies"]["network_mode"] == "none"
    assert COMPOSE["networks"]["behind"] == {"internal": True}
    variables = {**services["gateway"]["environment"], **services["postgresql"]["environment"]}
    assert not any("PASSWORD" in name and not name.endswith("_FILE") for name in variables)
    assert variables["GATEWAY_DATABASE_URL"].count(":") == 2


def test_chart_compose_and_package_name_one_version_and_one_opa() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    makefile = (ROOT / "Makefile").read_text("utf-8")
    opa = COMPOSE["services"]["opa"]["image"].partition(":")[2]

    assert chart["appVersion"] == __version__
    assert f"release-gateway:${{GATEWAY_VERSION:-{__version__}}}" == COMPOSE["services"]["gateway"]["image"]
    assert values["opa"]["image"]["tag"] == opa
    assert f"OPA_VERSION := v{opa.removesuffix('-static')}\n" in makefile


@pytest.mark.parametrize("name", OURS)
def test_compose_gives_the_gateway_settings_that_it_knows(name: str) -> None:
    from gateway.settings import PREFIX, Settings

    known = {PREFIX + field.upper() for field in Settings.__struct_fields__}
    assert set(COMPOSE["services"][name].get("environment", {})) <= known


def test_the_paths_that_compose_and_chart_name_are_where_the_image_has_them() -> None:
    assert "GATEWAY_DATA=/data" in DOCKERFILE and "chown 10001:10001 /data" in DOCKERFILE
    gateway = COMPOSE["services"]["gateway"]
    assert "data:/data" in gateway["volumes"] and "data" in COMPOSE["volumes"], "token keys outlive a start"
    assert not any(mount.startswith("/data") for mount in gateway["tmpfs"])
