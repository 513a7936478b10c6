"""`autobot knowledge …`: how well documents are found. Collections as files are in `archives`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from autobot.cli.choices import Mode
from autobot.cli.console import Ask, run_with
from autobot.cli.output import Exit, complain, say, show_json, table
from autobot.cli.question_sets import read_text, write_new
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
    run: Annotated[
        Path | None,
        typer.Option(help="Write what was found as a run of TREC's to this new file; - for standard output."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Search questions whose answers are known, and print nDCG@10, recall, MRR@10 and the worst of them."""
    if (file is None) == (not question_set) or (question_set and not collection):
        complain("Give a file of questions, or --set with its --collection.", "autobot knowledge eval --help")
        raise typer.Exit(Exit.USAGE)
    questions = [] if file is None else _read(file)

    options = {
        "mode": mode,
        "collection": collection or None,
        "rerank": rerank,
        "as_of": {"position": position},
    }

    async def work(ask: Ask, config: Config) -> int | None:
        wanted = questions or await _stored(ask, collection, question_set)
        return await _measured(ask, wanted, options, run, as_json)

    raise typer.Exit(run_with(work, acting_for=acting_for))


async def _measured(
    ask: Ask, wanted: Sequence[Any], options: Mapping[str, Any], run: Path | None, as_json: bool
) -> int | None:
    """Measure, write the run where one is wanted, and print the figures unless the run is printed."""
    if not wanted:
        complain("This set has no questions.")
        return Exit.USAGE
    labelled = [_labelled(one) for one in wanted]
    found = await ask("MeasureSearch", questions=labelled, results=run is not None, **options)
    if run is not None:
        written = write_new(run, _run(wanted, found))
        if written != Exit.OK or str(run) == "-":
            return written
    if as_json:
        show_json(found)
    else:
        _show(found)
    return None


def _read(file: Path) -> Sequence[Any]:
    """Return the questions of a file; ends the command when there are none."""
    text = read_text(file)
    try:
        if file.suffix == ".jsonl":
            found: Any = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            found = json.loads(text)
    except ValueError as error:
        complain(f"{file} is not JSON: {error}.")
        raise typer.Exit(Exit.USAGE) from error
    if not isinstance(found, list) or not found:
        complain(f"{file} has no list of questions.")
        raise typer.Exit(Exit.USAGE)
    if not all(isinstance(one, dict) and {"query", "relevant"} <= set(one) for one in found):
        complain(f"{file} has a line that is no object with `query` and `relevant`.")
        raise typer.Exit(Exit.USAGE)
    return found


async def _stored(ask: Ask, collection: str, question_set: str) -> Sequence[Any]:
    view = await ask("GetQuestionSet", collection=collection, id=question_set)
    questions: Sequence[Any] = view["questions"]
    return questions


def _labelled(question: Mapping[str, Any]) -> dict[str, Any]:
    return {name: question[name] for name in ("query", "relevant")}


def _run(questions: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> str:
    """Return what was found as trec_eval reads it: `TOPIC Q0 DOCUMENT RANK SCORE TAG` a line.

    trec_eval puts results in order by their scores, which compare within one stage only: so the score here is that
    of the rank. A question without an `id` has its number, from 1; blanks within an id become `_`.
    """
    lines = []
    for number, (asked, measured) in enumerate(zip(questions, found["questions"], strict=True), start=1):
        topic = "_".join(str(asked.get("id") or number).split())
        lines += [
            f"{topic} Q0 {one['id']} {rank} {1 / rank:.6f} autobot-{found['mode']}\n"
            for rank, one in enumerate(measured["found"], start=1)
        ]
    return "".join(lines)


def _show(found: Mapping[str, Any]) -> None:
    say(
        f"{len(found['questions'])} questions, {found['mode']}: nDCG@10 {found['ndcg_10']:.4f},"
        f" recall@100 {found['recall_100']:.4f}, MRR@10 {found['mrr_10']:.4f}, {found['mean_ms']:.0f} ms a search"
    )
    if found["degraded"]:
        say(f"Asked for {found['asked']}: {found['degraded']['detail']}")
    worst = sorted(found["questions"], key=lambda one: one["ndcg_10"])[:10]
    table(worst, ["ndcg_10", "recall_100", "first", "query"])
