"""The files for several machines: valid by the schemas of Compose and Kubernetes, and by what `autobot serve` takes."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from compose_spec.models import ComposeSpecification

from autobot.bootstrap.placing import ROLES
from autobot.config import KNOWN, PREFIX

DEPLOY = Path(__file__).parents[3] / "deploy"
SCHEMAS = json.loads((Path(__file__).parent / "kubernetes-1.37.json").read_text())
SECRET = "CHANGE-ME"


def objects() -> list[Any]:
    """Return every Kubernetes object."""
    files = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    return [one for path in files for one in yaml.safe_load_all(path.read_text())]


def compose() -> dict[str, Any]:
    """Return the Compose file with its anchors merged."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


@pytest.mark.parametrize("one", objects(), ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_each_kubernetes_object_is_valid(one: Any) -> None:
    """Strictly: no field that Kubernetes would drop in silence."""
    schema = {"$ref": SCHEMAS["kinds"][one["kind"]], "$defs": SCHEMAS["$defs"]}
    assert [
        f"{error.instance_path}: {error.message}"
        for error in jsonschema_rs.validator_for(schema).iter_errors(one)
    ] == []


def test_the_schemas_refuse_what_is_wrong() -> None:
    """A misspelt field is found, so that the test above can fail."""
    schema = {"$ref": SCHEMAS["kinds"]["Deployment"], "$defs": SCHEMAS["$defs"]}
    wrong = next(one for one in objects() if one["kind"] == "Deployment")
    wrong["spec"]["replicaz"] = 2
    assert not jsonschema_rs.validator_for(schema).is_valid(wrong)


def test_the_compose_file_is_valid() -> None:
    """By the models of the Compose specification."""
    assert ComposeSpecification.model_validate(compose()).services


def test_every_role_runs_and_only_the_gateway_is_for_others() -> None:
    """Both kinds of file start each role by its command; backend and ai have no way in from outside."""
    services = compose()["services"]
    deployments = {one["metadata"]["name"]: one for one in objects() if one["kind"] == "Deployment"}
    assert set(deployments) == set(ROLES) <= set(services)
    for role in ROLES:
        (container,) = deployments[role]["spec"]["template"]["spec"]["containers"]
        assert services[role]["command"] == container["args"] == ["serve", role]
        assert ("ports" in services[role]) == (role == "gateway")
    assert [one["metadata"]["name"] for one in objects() if one["kind"] == "Service"] == ["gateway"]


def test_every_environment_name_is_one_that_autobot_reads() -> None:
    """A name that is none would stop the start."""
    used = {name for role in ROLES for name in compose()["services"][role]["environment"]}
    for one in objects():
        used |= {name for name in one.get("data", {}) if name.startswith(PREFIX)}
        used |= {name for name in one.get("stringData", {}) if name.startswith(PREFIX)}
    assert {name.removeprefix(PREFIX) for name in used} <= set(KNOWN)
    assert {"AUTOBOT_DATABASE_URL", "AUTOBOT_REDIS_URL", "AUTOBOT_SECRET_KEY_FILE"} <= used


def test_no_secret_is_in_the_files() -> None:
    """Secrets are forms to fill in, or come from the environment of who starts it."""
    (secret,) = [one for one in objects() if one["kind"] == "Secret"]
    assert all(SECRET in value for value in secret["stringData"].values())
    assert "CHANGE" not in (DEPLOY / "compose.yaml").read_text()
