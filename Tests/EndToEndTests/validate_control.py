"""Validates JSON against the schemas of the control socket.

    validate_control.py FOLDER FILE

Each line of the file is the name of a schema in the folder, a tab, and JSON. Programs must accept keys and values
that later versions add, so the schemas accept unknown ones. Here an unknown key or value is an error, because a schema
must name each key and each value of this version.
"""

import json
import pathlib
import sys

import jsonschema


def closed(schema):
    """Returns a copy of a schema that accepts only the keys and the values that the schema names."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    result = {name: closed(value) for name, value in schema.items()}
    choices = result.get("anyOf", [])
    if choices and "enum" in choices[0]:
        result["anyOf"] = [each for each in choices if each.get("type") != "string"]
    if "required" in result and "properties" in result:
        result["additionalProperties"] = False
    return result


validators = {}
for path in pathlib.Path(sys.argv[1]).glob("*.schema.json"):
    schema = json.loads(path.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validators[path.name.split(".")[0]] = [
        jsonschema.Draft202012Validator(each) for each in (schema, closed(schema))
    ]

faults, counts = 0, dict.fromkeys(validators, 0)
for line in pathlib.Path(sys.argv[2]).read_text().splitlines():
    name, _, text = line.partition("\t")
    counts[name] += 1
    for validator in validators[name]:
        for error in validator.iter_errors(json.loads(text)):
            faults += 1
            print(f"{name}: {error.json_path}: {error.message}: {text}")
print(" ".join(f"{name}={count}" for name, count in sorted(counts.items())))
sys.exit(1 if faults else 0)
