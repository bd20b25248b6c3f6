"""The files of cluster/deploy are what Ray, KubeRay and Docker take, as far as one can tell."""

import json
import re
import shlex
from importlib.metadata import version
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "cluster" / "deploy"


@pytest.fixture(scope="module")
def launcher_schema():
    ray = pytest.importorskip("ray")
    text = (Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text()
    return json.loads(text)


@pytest.mark.parametrize("name", ["on_premises.yaml", "aws.yaml"])
def test_launcher_files_keep_to_the_schema_of_ray(name, launcher_schema):
    config = yaml.safe_load((DEPLOY / name).read_text())
    jsonschema.validate(config, launcher_schema)
    for command in config["head_start_ray_commands"] + config["worker_start_ray_commands"]:
        assert " ray " in command.replace("/ray ", "/ ray "), command
        shlex.split(command)
    assert "--head" in config["head_start_ray_commands"][-1]
    assert "$RAY_HEAD_IP" in config["worker_start_ray_commands"][-1]
    assert "~/.ray/auth_token" in config["file_mounts"]


def test_a_wrong_launcher_file_is_refused(launcher_schema):
    config = yaml.safe_load((DEPLOY / "aws.yaml").read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(config | {"max_wrokers": 3}, launcher_schema)


def test_the_node_types_of_the_cloud_file_exist():
    config = yaml.safe_load((DEPLOY / "aws.yaml").read_text())
    types = config["available_node_types"]
    assert config["head_node_type"] in types
    assert sum(kind.get("min_workers", 0) for kind in types.values()) <= config["max_workers"]


def test_the_rayjob_has_the_fields_that_kuberay_requires():
    job = yaml.safe_load((DEPLOY / "rayjob.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", job["metadata"]["name"])
    spec = job["spec"]
    assert spec["shutdownAfterJobFinishes"] is True
    cluster = spec["rayClusterSpec"]
    assert cluster["rayVersion"] == version("ray")
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        pod = group["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in pod["containers"]:
            assert container["name"]
            assert container["image"] == "distgnn"
            assert container["resources"]["requests"] == container["resources"]["limits"]
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    for group in cluster["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


def test_the_command_of_the_rayjob_fits_its_cluster(monkeypatch):
    """The command line takes it, and there is a worker for each rank."""
    spec = yaml.safe_load((DEPLOY / "rayjob.yaml").read_text())["spec"]
    program, command, config, *options = shlex.split(spec["entrypoint"])
    assert (program, command) == ("distgnn", "train")
    assert config.startswith("/shared/")
    num_workers = int(options[options.index("--num-workers") + 1])
    (group,) = spec["rayClusterSpec"]["workerGroupSpecs"]
    assert num_workers == group["replicas"]


INSTRUCTIONS = {"FROM", "RUN", "COPY", "WORKDIR", "ARG", "ENV", "USER", "CMD", "ENTRYPOINT"}


def test_the_dockerfile_copies_what_there_is_and_installs_what_is_declared():
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    stages = {line.split(" AS ")[1] for line in lines if " AS " in line}
    for line in lines:
        instruction, *words = line.split()
        assert instruction in INSTRUCTIONS, line
        if instruction == "COPY" and not words[0].startswith("--from="):
            for name in words[:-1]:
                assert (ROOT / name).exists(), name
        elif instruction == "COPY":
            assert words[0].removeprefix("--from=") in stages
    assert lines[0].startswith("FROM ")
    copied = {word for line in lines if line.startswith("COPY") for word in line.split()}
    linked = {path.name for path in (ROOT / "distgnn").iterdir() if path.is_symlink()}
    assert linked <= copied  # the links of the package would lead nowhere
    assert ".[cluster]" in text
