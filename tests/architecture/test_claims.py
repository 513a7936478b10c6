"""Every promise in docs/claims.md names a check that exists, or says that it is not yet kept."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLAIMS = ROOT / "docs" / "claims.md"
REFERENCE = re.compile(r"`(make [a-z-]+|[\w./-]+\.(?:py|ts)(?:::\w+)*)`")
NOT_YET = "not yet: "


def rows() -> list[tuple[str, str]]:
    """The promises with the cell that says what proves them."""
    found = []
    for line in CLAIMS.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if (
            line.startswith("|")
            and len(cells) == 2
            and not set(cells[0]) <= set("-: ")
            and cells[0] != "promise"
        ):
            found.append((cells[0], cells[1]))
    return found


def wrong(reference: str) -> str | None:
    """What is wrong with a reference to a make target, a test file or a test; None when it exists."""
    if reference.startswith("make "):
        target = reference.removeprefix("make ")
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        return None if re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE) else "no such target"
    file, *names = reference.split("::")
    if not (ROOT / file).is_file():
        return "no such file"
    if file.endswith(".ts"):
        return None
    body: list[ast.stmt] = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    for wanted in names:
        kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        inside = [node for node in body if isinstance(node, kinds) and node.name == wanted]
        if not inside:
            return f"no {wanted} in it"
        body = inside[0].body
    return None


def test_every_claim_names_a_check_that_exists() -> None:
    """A claim is a test, a measurement or an explicit "not yet: reason"."""
    found = []
    for promise, proof in rows():
        if proof.startswith(NOT_YET):
            continue
        references = REFERENCE.findall(proof)
        if not references:
            found.append(f"{promise}: names no check")
        found += [f"{promise}: {reference}: {why}" for reference in references if (why := wrong(reference))]
    assert found == []


def test_the_list_is_read() -> None:
    """The list of claims is not empty and no promise stands twice."""
    promises = [promise for promise, _ in rows()]
    assert len(promises) >= 10
    assert len(promises) == len(set(promises))
