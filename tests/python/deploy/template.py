"""deploy/template.yaml as data, its intrinsic functions as dictionaries."""

import json
import re

import yaml

from edge import ROOT

ACCOUNT = "arn:aws:dynamodb:us-east-1:123456789012:table/"


class _Loader(yaml.SafeLoader):
    pass


def _intrinsic(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _intrinsic)


def load():
    return yaml.load((ROOT / "deploy/template.yaml").read_text(), _Loader)


TEMPLATE = load()
RESOURCES = TEMPLATE["Resources"]
VALUES = {
    **{name: str(parameter.get("Default")) for name, parameter in TEMPLATE["Parameters"].items()},
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "ripple",
    "AWS::URLSuffix": "amazonaws.com",
}


def resolve(value):
    """Returns the value of `Ref` and `Sub`, with the parameters' defaults."""
    match value:
        case {"Ref": name}:
            return VALUES.get(name, name)
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{([^}]+)\}", lambda name: VALUES.get(name[1], name[1]), text)
        case dict():
            return {name: resolve(member) for name, member in value.items()}
        case list():
            return [resolve(member) for member in value]
    return value


def allowed(document):
    """Returns the DynamoDB actions of a policy, each with the table or index."""
    return {
        (action.removeprefix("dynamodb:"), resource.removeprefix(ACCOUNT))
        for statement in resolve(document)["Statement"]
        for action in _list(statement["Action"])
        for resource in _list(statement["Resource"])
        if action.startswith("dynamodb:")
    }


def dashboard():
    return json.loads(resolve(RESOURCES["Dashboard"]["Properties"]["DashboardBody"]))


def _list(value):
    return value if isinstance(value, list) else [value]
