"""The published HTTP schema: committed text equals what the code exports, and every change to it only adds.

What counts as a break follows from who reads what. A *request* may only be accepted more widely (no new required member,
no narrower type, limit or enumeration, nothing taken away). A *response* may only say what an older reader already
understands: no member removed or made optional, no other type. New members and new values of an enumeration in a response
are additions: readers of this API ignore members and values that they do not know. A break that was decided stands in
`schema/breaks.toml`, with its decision.
"""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from tools.console import say
from tools.environment import ROOT, VENV, environ

SCHEMA = "schema/openapi.json"
DECIDED = "schema/breaks.toml"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
LOWER_LIMITS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER_LIMITS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
Json = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where two schemas are compared: both documents, the direction, and the way there for the message."""

    old_document: Mapping[str, Json]
    new_document: Mapping[str, Json]
    direction: Literal["request", "response"]
    way: str
    seen: frozenset[tuple[str, str]] = frozenset()

    def at(self, step: str) -> "_Place":
        return replace(self, way=f"{self.way}{step}")


def breaking_changes(old: Mapping[str, Json], new: Mapping[str, Json]) -> list[str]:
    """Every way in which the OpenAPI document `new` breaks a client written for `old`; empty when it only adds."""
    found: list[str] = []
    for path, old_item in old.get("paths", {}).items():
        new_item = new.get("paths", {}).get(path)
        if new_item is None:
            found.append(f"{path}: the path was removed")
            continue
        for method in METHODS:
            if method not in old_item:
                continue
            way = f"{method.upper()} {path}"
            if method not in new_item:
                found.append(f"{way}: the operation was removed")
                continue
            found += _operation(way, old, new, _merged(old_item, method), _merged(new_item, method))
    return found


def _merged(item: Mapping[str, Json], method: str) -> dict[str, Json]:
    """An operation with the parameters that its path item gives to all of them."""
    operation = dict(item[method])
    operation["parameters"] = [*item.get("parameters", []), *operation.get("parameters", [])]
    return operation


def _operation(
    way: str,
    old: Mapping[str, Json],
    new: Mapping[str, Json],
    before: Mapping[str, Json],
    after: Mapping[str, Json],
) -> Iterator[str]:
    request = _Place(old_document=old, new_document=new, direction="request", way=way)
    yield from _parameters(request, before["parameters"], after["parameters"])
    yield from _body(request, before.get("requestBody"), after.get("requestBody"))
    response = replace(request, direction="response")
    for status, answer in before.get("responses", {}).items():
        other = after.get("responses", {}).get(status)
        if other is None:
            yield f"{way}: the answer {status} was removed"
            continue
        answer, other = _resolved(answer, old), _resolved(other, new)
        yield from _content(response.at(f" {status}"), answer.get("content", {}), other.get("content", {}))
        gone = {name.lower() for name in answer.get("headers", {})} - {
            name.lower() for name in other.get("headers", {})
        }
        for name in sorted(gone):
            yield f"{way} {status}: the header {name} was removed"
    was, now = before.get("security", old.get("security")), after.get("security", new.get("security"))
    if (not was or {} in was) and now and {} not in now:
        yield f"{way}: credentials are required now"


def _parameters(place: _Place, before: list[Json], after: list[Json]) -> Iterator[str]:
    old = {(p["in"], p["name"]): p for p in (_resolved(p, place.old_document) for p in before)}
    new = {(p["in"], p["name"]): p for p in (_resolved(p, place.new_document) for p in after)}
    for key, parameter in old.items():
        where, name = key
        if key not in new:
            yield f"{place.way}: the {where} parameter {name} was removed"
            continue
        if new[key].get("required") and not parameter.get("required"):
            yield f"{place.way}: the {where} parameter {name} is required now"
        yield from _schemas(
            place.at(f" {where} {name}"), parameter.get("schema", {}), new[key].get("schema", {})
        )
    for where, name in new.keys() - old.keys():
        if new[where, name].get("required"):
            yield f"{place.way}: a required {where} parameter {name} was added"


def _body(place: _Place, before: Json, after: Json) -> Iterator[str]:
    if before is None:
        if after is not None and _resolved(after, place.new_document).get("required"):
            yield f"{place.way}: a required body was added"
        return
    if after is None:
        yield f"{place.way}: the body was removed"
        return
    before, after = _resolved(before, place.old_document), _resolved(after, place.new_document)
    if after.get("required") and not before.get("required"):
        yield f"{place.way}: the body is required now"
    yield from _content(place.at(" body"), before.get("content", {}), after.get("content", {}))


def _content(place: _Place, before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[str]:
    for media_type, body in before.items():
        if media_type not in after:
            yield f"{place.way}: the media type {media_type} was removed"
            continue
        yield from _schemas(place, body.get("schema", {}), after[media_type].get("schema", {}))


def _resolved(node: Json, document: Mapping[str, Json]) -> Json:
    """Follow a local reference to what it names."""
    while isinstance(node, dict) and "$ref" in node:
        target: Json = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def _schemas(place: _Place, old: Json, new: Json) -> Iterator[str]:
    """Compare two schemas at the same place; references that lead back to themselves are compared once."""
    pair = (_name(old), _name(new))
    if all(pair):
        if pair in place.seen:
            return
        place = replace(place, seen=place.seen | {pair})
    old, new = _plain(_resolved(old, place.old_document)), _plain(_resolved(new, place.new_document))
    if old == new and not _refers(old):
        return
    yield from _types(place, old, new)
    yield from _values(place, old, new)
    yield from _limits(place, old, new)
    yield from _members(place, old, new)
    yield from _variants(place, old, new)
    if "items" in old and "items" in new:
        yield from _schemas(place.at("[]"), old["items"], new["items"])
    if isinstance(old.get("additionalProperties"), dict) and isinstance(
        new.get("additionalProperties"), dict
    ):
        yield from _schemas(place.at("{}"), old["additionalProperties"], new["additionalProperties"])


def _name(schema: Json) -> str:
    return schema.get("$ref", "") if isinstance(schema, dict) else ""


def _plain(schema: Json) -> dict[str, Json]:
    """A schema as an object: `true` allows everything, `false` nothing."""
    return schema if isinstance(schema, dict) else ({} if schema else {"not": {}})


def _refers(schema: Json) -> bool:
    return "$ref" in json.dumps(schema)


def _type_set(schema: Mapping[str, Json]) -> set[str]:
    named = schema.get("type")
    if named is None:
        return set()
    return set(named) if isinstance(named, list) else {named}


def _types(place: _Place, old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[str]:
    was, now = _type_set(old), _type_set(new)
    if was == now or (place.direction == "request" and not now):
        return
    narrow, wide = (was, now) if place.direction == "request" else (now, was)
    fits = not wide or (narrow and all(t in wide or (t == "integer" and "number" in wide) for t in narrow))
    if not fits:
        yield f"{place.way}: the type changed from {_words(was)} to {_words(now)}"


def _words(types: set[str]) -> str:
    return " or ".join(sorted(types)) or "anything"


def _values(place: _Place, old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[str]:
    was = old.get("enum", [old["const"]] if "const" in old else None)
    now = new.get("enum", [new["const"]] if "const" in new else None)
    if place.direction == "request" and now is not None:
        if was is None:
            yield f"{place.way}: only certain values are accepted now"
        else:
            for value in (v for v in was if v not in now):
                yield f"{place.way}: the value {json.dumps(value)} is no longer accepted"
    for keyword in ("pattern", "format", "multipleOf"):
        if place.direction == "request" and keyword in new and new[keyword] != old.get(keyword):
            yield f"{place.way}: {keyword} is {json.dumps(new[keyword])} now"
        if (
            place.direction == "response"
            and keyword == "format"
            and keyword in old
            and new.get(keyword) != old[keyword]
        ):
            yield f"{place.way}: the format {old[keyword]} is no longer promised"


def _limits(place: _Place, old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[str]:
    if place.direction == "response":
        return
    for keyword in LOWER_LIMITS:
        if keyword in new and (keyword not in old or new[keyword] > old[keyword]):
            yield f"{place.way}: {keyword} rose to {new[keyword]}"
    for keyword in UPPER_LIMITS:
        if keyword in new and (keyword not in old or new[keyword] < old[keyword]):
            yield f"{place.way}: {keyword} fell to {new[keyword]}"
    if new.get("uniqueItems") and not old.get("uniqueItems"):
        yield f"{place.way}: items must be unique now"


def _members(place: _Place, old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[str]:
    was, now = old.get("properties", {}), new.get("properties", {})
    for name, schema in was.items():
        if name in now:
            yield from _schemas(place.at(f".{name}"), schema, now[name])
        else:
            yield f"{place.way}: the member {name} was removed"
    required_before, required_after = set(old.get("required", [])), set(new.get("required", []))
    if place.direction == "request":
        for name in sorted(required_after - required_before):
            yield f"{place.way}: the member {name} is required now"
        if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
            yield f"{place.way}: unknown members are refused now"
    else:
        for name in sorted((required_before - required_after) & set(now)):
            yield f"{place.way}: the member {name} may be absent now"


def _variants(place: _Place, old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[str]:
    for part in zip(old.get("allOf", []), new.get("allOf", []), strict=False):
        yield from _schemas(place, *part)
    before, after = _choices(old), _choices(new)
    if not before and not after:
        return
    if not before or not after:
        before, after = before or [dict(old)], after or [dict(new)]
    given, able = (before, after) if place.direction == "request" else (after, before)
    for number, variant in enumerate(given):
        pairs = [(variant, other) if place.direction == "request" else (other, variant) for other in able]
        if all(any(True for _ in _schemas(place, *pair)) for pair in pairs):
            verb = "is no longer accepted" if place.direction == "request" else "was not promised before"
            yield f"{place.way}: variant {_name(variant).rpartition('/')[2] or number + 1} {verb}"


def _choices(schema: Mapping[str, Json]) -> list[Json]:
    return list(schema.get("anyOf", [])) + list(schema.get("oneOf", []))


def _git(*words: str) -> str | None:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    return done.stdout if done.returncode == 0 else None


def bases() -> list[str]:
    """Where what others rely on is looked for: AUTOBOT_SCHEMA_BASE, else origin/main, then main."""
    named = os.environ.get("AUTOBOT_SCHEMA_BASE")
    return [named] if named else ["origin/main", "main"]


def published() -> tuple[str, Mapping[str, Json]] | None:
    """The schema that clients may rely on, and where it was found."""
    for base in bases():
        text = _git("show", f"{base}:{SCHEMA}")
        if text is not None:
            document: Mapping[str, Json] = json.loads(text)
            return base, document
    return None


def published_files(folder: str) -> dict[str, str]:
    """The JSON files below a folder that others may rely on, by path."""
    for base in bases():
        listed = _git("ls-tree", "-r", "--name-only", base, f"{folder}/")
        if listed is not None:
            names = [one for one in listed.splitlines() if one.endswith(".json")]
            return {one: _git("show", f"{base}:{one}") or "" for one in names}
    return {}


def exported() -> Mapping[str, Json]:
    """The schema that today's code exports."""
    program = VENV / "bin" / "autobot"
    done = subprocess.run(
        [program, "openapi"], cwd=ROOT, env=environ(), capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode != 0:
        raise SystemExit(f"`autobot openapi` ended with {done.returncode}:\n{done.stderr[-2000:]}")
    document: Mapping[str, Json] = json.loads(done.stdout)
    return document


def decided(text: str) -> dict[str, str]:
    """The ends of findings that were decided, with the number of the decision. Raises SystemExit where there is none."""
    breaks = {one["finding"]: one["decision"] for one in tomllib.loads(text).get("break", [])}
    for finding, decision in breaks.items():
        if not list((ROOT / "docs" / "decisions").glob(f"{decision}-*.md")):
            raise SystemExit(f"{DECIDED}: {finding!r} names decision {decision}, which is not there.")
    return breaks


def undecided(found: Sequence[str], breaks: Mapping[str, str]) -> list[str]:
    """The findings that no decision names."""
    return [line for line in found if not any(line.endswith(end) for end in breaks)]


def main() -> int:
    """Check drift, then breaking changes against the published schema."""
    path = ROOT / SCHEMA
    if not path.is_file():
        say(f"{SCHEMA} is missing. Write it: .venv/bin/autobot openapi > {SCHEMA}")
        return 1
    committed = json.loads(path.read_text(encoding="utf-8"))
    if committed != exported():
        say(f"{SCHEMA} is not what the code exports. Write it again: .venv/bin/autobot openapi > {SCHEMA}")
        return 1
    base = published()
    if base is None:
        say(f"No published {SCHEMA} to compare with: this is the first.")
        return 0
    breaks = decided((ROOT / DECIDED).read_text(encoding="utf-8"))
    all_found = breaking_changes(base[1], committed)
    found = undecided(all_found, breaks)
    if len(all_found) > len(found):
        say(f"{len(all_found) - len(found)} breaks were decided ({', '.join(sorted(set(breaks.values())))}).")
    for line in found:
        say(f"breaks clients of {base[0]}: {line}")
    if found:
        say(
            "Add beside it instead of changing it, give the new shape a new path, or decide it: "
            f"an ADR, and its number in {DECIDED}."
        )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
