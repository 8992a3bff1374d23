"""Holds answers of central against openapi.yaml."""

import functools
import json
import os
import re
import tempfile
import urllib.parse

import jsonschema
import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@functools.cache
def contract():
    with open(os.path.join(ROOT, "openapi.yaml"), encoding="utf-8") as file:
        return yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def resolved(item):
    """The target of a reference of the contract."""
    while "$ref" in item:
        reference = item["$ref"]
        item = contract()
        for part in reference.removeprefix("#/").split("/"):
            item = item[part]
    return item


def operation(path, method):
    """The operation that a request is; `None` where there is no such path or method. Names go before variables."""
    found = [template for template in contract()["paths"]
             if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), path)]
    found = [contract()["paths"][template] for template in sorted(found, key=lambda template: template.count("{"))]
    return next((item[method] for item in found if method in item), None)


@functools.cache
def validator(path, method, status):
    """The schema of an answer's JSON."""
    schema = {"$ref": "#/components/schemas/Problem"}
    described = operation(path, method)
    # Any request may be refused for what it is as HTTP, and the contract says so once for all.
    if described is not None and (status < 400 or str(status) in described["responses"]):
        response = resolved(described["responses"][str(status)])
        schema = response["content"]["application/json" if status < 400 else "application/problem+json"]["schema"]
    elif status < 400:
        raise AssertionError(f"{method} {path} is not in openapi.yaml")
    resolver = jsonschema.RefResolver.from_schema(contract())
    return jsonschema.Draft202012Validator(schema, resolver=resolver)


def check(target, answer, method="get", status=200):
    """Fails where an answer is not as openapi.yaml says."""
    path = urllib.parse.urlsplit(target).path
    errors = [f"{error.json_path}: {error.message}" for error in validator(path, method, status).iter_errors(answer)]
    assert not errors, f"{method} {target}: {status}: {errors}"


def check_content(described, kind, content):
    """Fails where the content of a request is not as the operation says."""
    known = resolved(described.get("requestBody", {"content": {}}))["content"]
    assert kind in known, f"{described['operationId']} takes no {kind}"
    resolver = jsonschema.RefResolver.from_schema(contract())
    found = jsonschema.Draft202012Validator(known[kind]["schema"], resolver=resolver).iter_errors(content)
    errors = [f"{error.json_path}: {error.message}" for error in found]
    assert not errors, f"{described['operationId']} is sent {errors}"


def curl(ask, options, url):
    """Runs curl by `ask`, holds what it got against openapi.yaml, and gives it as it is."""
    with tempfile.NamedTemporaryFile("r", encoding="latin-1") as file:
        done = ask("curl", "-sS", "-D", file.name, *options, url)
        heads = re.split(r"\n\n", file.read().replace("\r\n", "\n").strip())
    lines = heads[-1].splitlines()
    if not lines:
        return done
    status = int(lines[0].split()[1])
    fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    kind = fields.get("content-type", "").split(";")[0]
    method = method_of(options)
    if fields.get("content-length") != "0" and status >= 400:
        assert kind == "application/problem+json", f"{method} {url}: {status} with {kind}"
    text = done.stdout.split("\n\n", len(heads))[-1] if "-i" in options else done.stdout
    if "-o" in options or "-I" in options or not text or kind not in ("application/json", "application/problem+json"):
        return done
    # curl's own additions come after the document.
    answer, _ = json.JSONDecoder().raw_decode(text)
    check(url, answer, method, status)
    return done


def method_of(options):
    """The method that curl uses."""
    if "-X" in options:
        return options[options.index("-X") + 1].lower()
    return "post" if any(option in ("-d", "--data-binary", "--json") for option in options) else "get"
