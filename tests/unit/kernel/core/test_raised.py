"""An error crosses a hop whole: the same class, the same members."""

import inspect
from typing import Any

import msgspec
import pytest

from autobot.kernel.core import errors
from autobot.kernel.core.errors import AutoBotError, FieldError
from autobot.kernel.core.raised import INTERNAL_DETAIL, MEMBERS, Raised, error_of, raised_of

TREE = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, AutoBotError)]

GIVEN: dict[str, Any] = {
    "detail": "What happened, ünd where.",
    "hint": "Do this.",
    "errors": (FieldError(detail="is too long", pointer="#/a/b"), FieldError(detail="x", pointer="#")),
    "stream": "chat-1",
    "expected": -1,
    "current": 7,
    "retry_after": 2.5,
    "policies": ("burst", "daily"),
    "part": "ollama",
    "link": "ai-ollama",
    "target": "http://127.0.0.1:11434",
    "since": 100.0,
    "phase": "gap",
    "status": 503,
    "body": b"\x00\xffnot text",
}


def made(kind: type[AutoBotError]) -> AutoBotError:
    """An error of a class with every member set."""
    taken = {name: GIVEN[name] for name in inspect.signature(kind).parameters}
    error = kind(**taken)
    if error.hint is None:
        error.hint = GIVEN["hint"]
    return error


def crossed(error: BaseException, *, sent: float = 0.0, read: float = 0.0) -> AutoBotError:
    """What arrives of an error that was sent and read at these moments of two processes."""
    return error_of(msgspec.json.decode(msgspec.json.encode(raised_of(error, sent)), type=Raised), read)


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_error_of_the_tree_crosses_whole(kind: type[AutoBotError]) -> None:
    """Each class arrives as itself, with every member that it had; a class without a row in the table does not."""
    error = made(kind)
    found = crossed(error)
    assert type(found) is kind
    assert vars(found) == vars(error)
    assert (str(found), found.args) == (str(error), error.args)


def test_the_table_has_the_tree_and_nothing_else() -> None:
    """A class that is added to the tree needs a row."""
    assert set(MEMBERS) == set(TREE)


def test_codes_tell_classes_apart() -> None:
    """No two classes of the tree share a code."""
    assert len({kind.code for kind in TREE}) == len(TREE)


def test_moments_are_told_by_their_age() -> None:
    """`since` names the same moment in another process, whose clock began elsewhere."""
    error = errors.CircuitOpen("open", link="ai-ollama", target="t", since=100.0, retry_after=None)
    found = crossed(error, sent=130.0, read=7_000.0)
    assert isinstance(found, errors.CircuitOpen)
    assert found.since == 6_970.0


def test_what_is_not_of_the_tree_crosses_opaquely() -> None:
    """A foreign error's text and class stay where it happened."""
    found = crossed(KeyError("secret"))
    assert (type(found), found.detail, found.hint) == (AutoBotError, INTERNAL_DETAIL, None)


def test_a_class_of_its_own_crosses_as_the_nearest_of_the_tree() -> None:
    """A subclass that only its process knows arrives as what it is a kind of."""

    class Own(errors.NotFound):
        code = "own"

    assert type(crossed(Own("gone"))) is errors.NotFound


def test_an_unknown_code_is_the_root() -> None:
    """An error of a newer version keeps its detail."""
    found = error_of(Raised(code="newer", detail="What it says.", hint="Upgrade."), 0.0)
    assert (type(found), found.detail, found.hint) == (AutoBotError, "What it says.", "Upgrade.")


def test_causes_stay() -> None:
    """Neither cause nor traceback crosses."""
    try:
        try:
            raise KeyError("secret")
        except KeyError as error:
            raise errors.NotFound("gone") from error
    except errors.NotFound as error:
        found = crossed(error)
    assert (found.__cause__, found.__traceback__) == (None, None)
