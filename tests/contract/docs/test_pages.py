"""The reader of the pages finds planted mistakes: what it never complains of would prove nothing."""

import pytest

from tests.contract.docs.pages import anchors, called, read_command, rows, wrong


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("keys crate NAME", "keys crate is no command"),
        ("users list · ad", "users ad is no command"),
        ("restart", "restart is no command"),
        ("keys create NAME --scopes '*'", "has no --scopes"),
        ("events tail [-x]", "has no -x"),
    ],
)
def test_a_command_that_is_none_is_found(text: str, complaint: str) -> None:
    """A wrong name, a wrong second word and a wrong option are each named."""
    found = [one for named in read_command(text) if (one := wrong(named))]
    assert [complaint in one for one in found] == [True]


@pytest.mark.parametrize(
    "text", ["up", "keys", "--help", "keys create NAME --scope '*' [--user NAME]", "matrix show · check"]
)
def test_a_command_that_exists_passes(text: str) -> None:
    """Commands, groups, several of a group, and the program's own options."""
    assert [one for named in read_command(text) if (one := wrong(named))] == []


def test_commands_are_found_in_text_and_blocks() -> None:
    """Code spans, fenced blocks and paths before the program's name are read, other words are not."""
    text = (
        "Say `autobot doctor`, in `autobot.toml`, autobot runs.\n\n```sh\n.venv/bin/autobot keys list\n```\n"
    )
    assert called(text) == ["doctor", "keys list"]


def test_tables_and_headings_are_read() -> None:
    """Rows come without head and rule; headings become their anchors."""
    assert rows("| a | b |\n|---|---|\n| 1 | 2 |\n") == [["1", "2"]]
    assert anchors("# Add a link\n\n## What's `new`?\n") == {"add-a-link", "whats-new"}
