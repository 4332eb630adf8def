"""What a step can do with valohai-utils; what it saw goes to seen.json."""

import json
import time
import warnings
from pathlib import Path

import valohai

valohai.prepare(
    step="train",
    image="python:3.11-slim",
    default_parameters={"epochs": 1, "learning-rate": 0.5, "title": "nothing", "shuffle": False},
    default_inputs={"articles": "s3://nobody/has/this.csv"},
)


def read(path):
    return Path(path).read_text()


def wait_until_gone(path):
    until = time.monotonic() + 60
    while Path(path).exists() and time.monotonic() < until:
        time.sleep(0.05)
    return not Path(path).exists()


def parameters():
    names = ("epochs", "learning-rate", "title", "shuffle", "layers")
    return {name: valohai.parameters(name).value for name in names} | {
        "note": valohai.parameters("note", "no note").value
    }


def inputs():
    articles = valohai.inputs("articles")
    with articles.stream("inner/zipped.csv") as stream:
        streamed = stream.read().decode()
    return {
        "path": articles.path("plain.csv"),
        "unpacked": sorted(read(path) for path in articles.paths()),
        "as they are": sorted(articles.paths(process_archives=False)),
        "streamed": streamed,
        "folder": articles.dir_path(),
        "tree": sorted(valohai.inputs("tree").paths()),
        "part of the tree": list(valohai.inputs("tree").paths("deep/*")),
        "missing": valohai.inputs("pretrained").path(default="/none"),
    }


def surroundings():
    config = valohai.execution().config
    return {
        "counter": config.counter,
        "id": config.id,
        "title": config.title,
        "distributed": valohai.distributed.is_distributed_task(),
    }


def train(epochs):
    for epoch in range(1, epochs + 1):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            valohai.set_status_detail(f"epoch {epoch} of {epochs}")
        with valohai.logger() as logger:
            logger.log("epoch", epoch)
            logger.log(loss=1 / epoch, labels=["sports", "politics"])
    logger = valohai.logger()
    logger.log("when", Path("/valohai"))  # neither number nor text: written as text
    logger.flush()
    return [str(warning.message) for warning in said]


def outputs():
    for number in range(2):
        Path(valohai.outputs("plots").path(f"{number}.txt")).write_text(f"plot {number}")
        Path(valohai.outputs("kept").path(f"deep/{number}.txt")).write_text(f"kept {number}")
    Path(valohai.outputs().path("model.json")).write_text("{}")
    with valohai.output_properties() as properties:
        properties.add(file="model.json", properties={"valohai.alias": "utils-model", "kind": "linear"})
        properties.add(file="packed/plots.zip", properties={"valohai.tags": ["packed"]})
        properties.add_to_dataset(file="model.json", dataset_version=properties.dataset_version_uri("models", "first"))
    valohai.outputs("packed").compress("../plots/*.txt", "plots.zip")
    early = valohai.outputs("packed").compress("../kept/deep", "kept.tar.gz", live_upload=True, remove_originals=False)
    valohai.outputs().live_upload("model.json")
    return [wait_until_gone(early), wait_until_gone(valohai.outputs().path("model.json"))]


seen = {"parameters": parameters(), "inputs": inputs(), "surroundings": surroundings()}
seen["status detail"] = train(valohai.parameters("epochs").value)
seen["uploaded early"] = outputs()
Path(valohai.outputs().path("seen.json")).write_text(json.dumps(seen))
