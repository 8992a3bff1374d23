"""Holds answers of central against openapi.yaml."""

import functools
import os
import re
import urllib.parse

import jsonschema
import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@functools.cache
def contract():
    with open(os.path.join(ROOT, "openapi.yaml"), encoding="utf-8") as file:
        return yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@functools.cache
def validator(path, method, status):
    """What the JSON of an answer has to look like."""
    document = contract()
    resolver = jsonschema.RefResolver.from_schema(document)
    for template, item in document["paths"].items():
        if not re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), path) or method not in item:
            continue
        response = item[method]["responses"][str(status)]
        if "$ref" in response:
            _, response = resolver.resolve(response["$ref"])
        kind = "application/json" if status < 400 else "application/problem+json"
        return jsonschema.Draft202012Validator(response["content"][kind]["schema"], resolver=resolver)
    raise AssertionError(f"{method} {path} is not in openapi.yaml")


def check(target, answer, method="get", status=200):
    """Fails where an answer is not as openapi.yaml says."""
    path = urllib.parse.urlsplit(target).path
    errors = [f"{error.json_path}: {error.message}" for error in validator(path, method, status).iter_errors(answer)]
    assert not errors, f"{method} {target}: {errors}"
