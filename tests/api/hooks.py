"""What Schemathesis is told that the document cannot say."""

import json
import os

import schemathesis
from hypothesis import strategies

CAST = json.loads(os.environ["CAST"])

# The document's regular expression looks ahead, by which nothing can be made up.
words = strategies.from_regex("[a-z0-9]{1,6}", fullmatch=True)
names = strategies.lists(words, min_size=1, max_size=5).map("-".join).filter(lambda name: name != "me")
schemathesis.openapi.format("context", strategies.lists(names, min_size=1, max_size=2).map(".".join))


@schemathesis.hook
def map_body(context, body):
    """To JSON Schema 3.0 is an integer; to programs that have integers, and write them to others that have, it is none."""
    if isinstance(body, float) and body.is_integer():
        return int(body)
    if isinstance(body, dict):
        return {name: map_body(context, value) for name, value in body.items()}
    if isinstance(body, list):
        return [map_body(context, value) for value in body]
    return body


@schemathesis.hook
def before_call(context, case, kwargs):
    parameters, query = case.path_parameters or {}, case.query or {}
    # No text that somebody makes up is the place of a page: nothing would be listed. Wrong ones are sent by the other mode.
    if case.meta and case.meta.generation.mode == schemathesis.GenerationMode.POSITIVE:
        query.pop("after", None)
    # Nothing goes elsewhere, not even where a webhook is tried.
    if isinstance(case.body, dict) and isinstance(case.body.get("url"), str) and "://" in case.body["url"]:
        case.body["url"] = "https://hooks.invalid/"
    # Not the branch on which it sits: who belongs to the cast stays, and so do their tokens.
    if case.method.upper() in ("GET", "HEAD"):
        return
    path = case.operation.path
    if path.startswith("/api/v1/users/{user}") and parameters.get("user") in CAST["user"]:
        parameters["user"] = "somebody-else"
    if path.startswith("/api/v1/tokens/{id}") and parameters.get("id") in CAST["token"]:
        parameters["id"] = "00000000-0000-7000-8000-000000000000"
