"""`autobot knowledge …`: how well documents are found. Collections as files are in `archives`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from autobot.cli.choices import Mode
from autobot.cli.console import Ask, run_with
from autobot.cli.output import Exit, say, show_json, table
from autobot.config import Config

knowledge = typer.Typer(help="Documents, and how well they are found.", no_args_is_help=True)


@knowledge.command("eval")
def evaluate(
    file: Annotated[
        Path | None,
        typer.Argument(
            help='Questions as JSON, [{"query": "…", "relevant": {"DOCUMENT_ID": GRADE}}, …], or as JSON Lines of'
            " such objects (.jsonl); a grade above 0 is relevant."
        ),
    ] = None,
    question_set: Annotated[
        str, typer.Option("--set", help="Ask the questions of this stored set of --collection.")
    ] = "",
    mode: Annotated[Mode, typer.Option(help="By words and meaning, by words, or by meaning.")] = "hybrid",
    collection: Annotated[str, typer.Option(help="Search this collection alone.")] = "",
    acting_for: Annotated[str, typer.Option("--user", help="Search as this user (name or id) would.")] = "",
    position: Annotated[
        int | None, typer.Option(help="What would have been found at this position of the log.")
    ] = None,
    rerank: Annotated[
        bool | None, typer.Option("--rerank/--no-rerank", help="With or without that stage.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Search questions whose answers are known, and print nDCG@10, recall, MRR@10 and the worst of them."""
    if (file is None) == (not question_set) or (question_set and not collection):
        say("Give a file of questions, or --set with its --collection.")
        raise typer.Exit(Exit.USAGE)
    questions = [] if file is None else _read(file)

    async def work(ask: Ask, config: Config) -> int | None:
        wanted = questions or await _stored(ask, collection, question_set)
        if not wanted:
            say("This set has no questions.")
            return Exit.USAGE
        found = await ask(
            "MeasureSearch",
            questions=wanted,
            mode=mode,
            collection=collection or None,
            rerank=rerank,
            as_of={"position": position},
        )
        if as_json:
            show_json(found)
        else:
            _show(found)
        return None

    raise typer.Exit(run_with(work, acting_for=acting_for))


def _read(file: Path) -> Sequence[Any]:
    """Return the questions of a file; ends the command when there are none."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        say(f"{file} cannot be read: {error.strerror or error}.")
        raise typer.Exit(Exit.USAGE) from error
    except UnicodeDecodeError as error:
        say(f"{file} is no text in UTF-8: its byte {error.start} is none.")
        raise typer.Exit(Exit.USAGE) from error
    try:
        if file.suffix == ".jsonl":
            lines = [json.loads(line) for line in text.splitlines() if line.strip()]
            found: Any = [{name: one[name] for name in ("query", "relevant")} for one in lines]
        else:
            found = json.loads(text)
    except ValueError as error:
        say(f"{file} is not JSON: {error}.")
        raise typer.Exit(Exit.USAGE) from error
    except (KeyError, TypeError) as error:
        say(f"{file} has a line that is no object with `query` and `relevant`.")
        raise typer.Exit(Exit.USAGE) from error
    if not isinstance(found, list) or not found:
        say(f"{file} has no list of questions.")
        raise typer.Exit(Exit.USAGE)
    return found


async def _stored(ask: Ask, collection: str, question_set: str) -> Sequence[Any]:
    view = await ask("GetQuestionSet", collection=collection, id=question_set)
    return [{name: one[name] for name in ("query", "relevant")} for one in view["questions"]]


def _show(found: Mapping[str, Any]) -> None:
    say(
        f"{len(found['questions'])} questions, {found['mode']}: nDCG@10 {found['ndcg_10']:.4f},"
        f" recall@100 {found['recall_100']:.4f}, MRR@10 {found['mrr_10']:.4f}, {found['mean_ms']:.0f} ms a search"
    )
    if found["degraded"]:
        say(f"Asked for {found['asked']}: {found['degraded']['detail']}")
    worst = sorted(found["questions"], key=lambda one: one["ndcg_10"])[:10]
    table(worst, ["ndcg_10", "recall_100", "first", "query"])
