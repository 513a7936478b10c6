"""What README and ARCHITECTURE say is what the product has."""

import json
import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from autobot.cli.output import Exit
from autobot.config import KNOWN, PREFIX, Config, read_config
from autobot.testing.harness import in_process
from tests.contract.docs.pages import (
    DOCS,
    GUIDE,
    LINK,
    ROOT,
    ROOT_PAGES,
    anchors,
    called,
    commands,
    fenced,
    page,
    read_command,
    rows,
    section,
    spans,
    wrong,
)

README = page("README.md")
PACKAGE = ROOT / "src" / "autobot"


def test_the_settings_table_names_every_setting_and_no_other() -> None:
    """The environment names of the README are those that the product reads, the reserved ones apart."""
    text = section(README, "Settings")
    table = {name for row in rows(text) for name in spans(row[0])}
    below = {name for name in spans(text[text.rindex("|") :]) if name.startswith(PREFIX)}
    assert not table & below
    assert table | below == {PREFIX + name for name in KNOWN}


def test_the_settings_table_tells_the_true_defaults() -> None:
    """Address, port, folder and level are what an empty environment gives."""
    text = section(README, "Settings")
    defaults = {name: row[2] for row in rows(text) for name in spans(row[0])}
    given: Config = read_config({}, ROOT / "nobody", ROOT / "nobody")
    assert defaults["AUTOBOT_PORT"] == f"`{given.host}`, `{given.port}`"
    assert defaults["AUTOBOT_LOG_LEVEL"].endswith(f"`{given.log_level}`")
    assert given.data_dir == ROOT / "nobody" / spans(defaults["AUTOBOT_DATA_DIR"])[0].removeprefix("~/")


def test_every_command_of_the_readme_exists() -> None:
    """The commands of table and text are commands of the program, with the options that stand beside them."""
    table = [span for row in rows(section(README, "Command line")) for span in spans(row[0])]
    assert len(table) >= 10
    named = [one for text in (*table, *called(README)) for one in read_command(text)]
    assert [found for one in named if (found := wrong(one))] == []


def test_every_target_of_make_that_pages_name_exists() -> None:
    """`make …` in code is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", page("Makefile"), re.MULTILINE))
    for path in ROOT_PAGES:
        text = path.read_text(encoding="utf-8")
        code = "\n".join((*spans(text), *fenced(text)))
        assert set(re.findall(r"\bmake ([a-z-]+)", code)) <= targets, path.name


@pytest.mark.parametrize("where", ["README.md", "src/autobot/guide/command-line.md"])
def test_the_exit_codes_are_the_programs(where: str) -> None:
    """Each exit code is told once, in order."""
    told = next(line for line in page(where).splitlines() if line.count(" · ") >= 6 and "0 done" in line)
    assert [int(one) for one in re.findall(r"(?:^|· |: )(\d+) ", told)] == [one.value for one in Exit]


@pytest.mark.parametrize(
    "path", [*ROOT_PAGES, *DOCS, *GUIDE], ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_every_link_inside_the_project_leads_somewhere(path: Path) -> None:
    """Files and headings that a page links to are there."""
    text = path.read_text(encoding="utf-8")
    dead = []
    for link in LINK.findall(text):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            dead.append(link)
    assert dead == []


def test_every_place_of_the_code_map_is_there() -> None:
    """The map's first column names files and folders that exist."""
    places = [span for row in rows(section(page("ARCHITECTURE.md"), "Code map")) for span in spans(row[0])]
    assert len(places) >= 15
    bare = [re.sub(r"/<\w+>$", "", place) for place in places]
    missing = [place for place in bare if not ((ROOT / place).exists() or (PACKAGE / place).exists())]
    assert missing == []


def test_every_folder_of_the_package_is_on_the_code_map() -> None:
    """Nothing of the package, the kernel or the adapters is left off the map."""
    text = section(page("ARCHITECTURE.md"), "Code map")
    words = set(re.findall(r"[a-z0-9_]+", text))
    folders = [
        folder.name
        for parent in (PACKAGE, PACKAGE / "kernel", PACKAGE / "adapters")
        for folder in parent.iterdir()
        if (folder / "__init__.py").is_file()
    ]
    assert set(folders) <= words


def test_every_promised_command_line_group_is_told() -> None:
    """The README's table leaves out no command that changes data."""
    told = {
        one.words
        for row in rows(section(README, "Command line"))
        for span in spans(row[0])
        for one in read_command(span)
    }
    quiet = {("openapi",), ("version",), ("keys", "list"), ("keys", "revoke"), ("vacuum",)}
    assert set(commands()) - quiet <= told | {("up",)}


@pytest.mark.anyio
async def test_the_example_for_programs_works() -> None:
    """The curl line of the README, sent to the product in this process, is answered by the assistant."""
    block = next(one for one in fenced(section(README, "For programs")) if "curl" in one)
    words = shlex.split(block.replace("\\\n", " ").splitlines()[1])
    assert words[0] == "curl"
    address = next(word for word in words if word.startswith("http"))
    fields = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    body = json.loads(words[words.index("-d") + 1])
    async with in_process() as app:
        await app.sign_in()
        made = (await app("POST", "/api/v1/auth/keys", {"name": "shell", "scopes": ["*"]})).expect(201)
        headers = {name.lower(): value.replace("$KEY", made.json["key"]) for name, value in fields.items()}
        answer = (await app.other()("POST", urlsplit(address).path, body, headers=headers)).expect(200).json
    assert answer["model"] == body["model"]
    assert "link" in answer["choices"][0]["message"]["content"].lower()
