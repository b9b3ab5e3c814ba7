"""The templates as data, their intrinsic functions as dictionaries: deploy/template.yaml, which is that of the resource
`prj`, and that of `prj` and `task` in deploy/tests/golden/two."""

import fnmatch
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


# The folder of each template and its OpenAPI document, by its resources.
FOLDERS = {"prj": ROOT / "deploy", "prj-task": ROOT / "deploy/tests/golden/two"}


class Template:
    """The template and the OpenAPI document of a folder."""

    def __init__(self, folder):
        self.path = folder / "template.yaml"
        self.data = yaml.load(self.path.read_text(), _Loader)
        document = folder / "openapi.json"
        # The committed document of both resources is the edge's.
        self.document = json.loads((document if document.exists() else ROOT / "edge/openapi.json").read_text())
        self.resources = self.data["Resources"]
        self.paths = self.resources["Api"]["Properties"]["DefinitionBody"]["paths"]

    def tables(self):
        return [resource for resource in self.resources.values() if resource["Type"] == "AWS::DynamoDB::Table"]

    def alarms(self):
        kind = "AWS::CloudWatch::Alarm"
        return {name: found["Properties"] for name, found in self.resources.items() if found["Type"] == kind}


TEMPLATES = {name: Template(folder) for name, folder in FOLDERS.items()}
TEMPLATE = TEMPLATES["prj"].data
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


NO_VALUE = {"Ref": "AWS::NoValue"}


class Stack:
    """What CloudFormation makes of a template with these parameters: its conditions, and values without `If`."""

    def __init__(self, template, **given):
        self.template = template.data
        defaults = {name: str(found.get("Default")) for name, found in self.template["Parameters"].items()}
        assert set(given) <= set(defaults)
        self.values = VALUES | defaults | given

    def holds(self, condition):
        match condition:
            case str():
                return self.holds(self.template["Conditions"][condition])
            case {"Condition": name}:
                return self.holds(name)
            case {"Fn::Equals": [one, other]}:
                return self.value(one) == str(other)
            case {"Fn::Not": [inner]}:
                return not self.holds(inner)
            case {"Fn::And": all_of}:
                return all(map(self.holds, all_of))
            case {"Fn::Or": any_of}:
                return any(map(self.holds, any_of))
        raise AssertionError(condition)

    def value(self, value):
        """Returns a value after `If`, `Ref` and `Sub`. Elements and members without a value are left out."""
        match value:
            case {"Fn::If": [condition, yes, no]}:
                return self.value(yes if self.holds(condition) else no)
            case {"Ref": name} if value != NO_VALUE:
                return self.values.get(name, name)
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([^}]+)\}", lambda name: self.values.get(name[1], name[1]), text)
            case dict() if value != NO_VALUE:
                members = {name: self.value(member) for name, member in value.items()}
                return {name: member for name, member in members.items() if member != NO_VALUE}
            case list():
                return [made for made in map(self.value, value) if made != NO_VALUE]
        return value

    def resources(self, kind):
        """Returns the properties of the resources of a type that the stack has, by their logical ids."""
        found = self.template["Resources"].items()
        made = {name: one for name, one in found if one["Type"] == kind}
        return {n: self.value(one["Properties"]) for n, one in made.items() if self.holds(one.get("Condition", ALWAYS))}

    def variables(self):
        return self.resources("AWS::Serverless::Function")["Function"]["Environment"]["Variables"]


ALWAYS = {"Fn::And": []}


def allowed(document):
    """Returns the DynamoDB actions of a policy, each with the table or with each index that the name matches."""
    return {
        (action.removeprefix("dynamodb:"), name)
        for statement in resolve(document)["Statement"]
        for action in _list(statement["Action"])
        for resource in _list(statement["Resource"])
        if action.startswith("dynamodb:")
        for name in _matching(resource.removeprefix(ACCOUNT))
    }


def _matching(name):
    if "*" not in name:
        return [name]
    found = fnmatch.filter(INDEXES, name)
    assert found, f"no index of the template has a name like {name}"
    return found


# The indexes of the tables of `prj`, as policies name them.
INDEXES = [
    f"{resolve(table['Properties']['TableName'])}/index/{index['IndexName']}"
    for table in TEMPLATES["prj"].tables()
    for index in table["Properties"].get("GlobalSecondaryIndexes", [])
]


def dashboard(resources=RESOURCES):
    return json.loads(resolve(resources["Dashboard"]["Properties"]["DashboardBody"]))


def _list(value):
    return value if isinstance(value, list) else [value]
