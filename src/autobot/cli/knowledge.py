"""`autobot knowledge …`: how well documents are found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from autobot.cli.console import Ask, run_with
from autobot.cli.output import Exit, say, show_json, table
from autobot.config import Config

knowledge = typer.Typer(help="Documents, and how well they are found.", no_args_is_help=True)


@knowledge.callback()
def group() -> None:
    """Keep `eval` a command of its own."""


@knowledge.command("eval")
def evaluate(
    file: Annotated[
        Path,
        typer.Argument(
            help='JSON: [{"query": "…", "relevant": {"DOCUMENT_ID": GRADE}}, …]; a grade above 0 is relevant.'
        ),
    ],
    mode: Annotated[str, typer.Option(help="hybrid, lexical or vector.")] = "hybrid",
    collection: Annotated[str, typer.Option(help="Search this collection alone.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Search labelled questions in what everybody may read, and print nDCG@10, recall@100, MRR@10 and the worst."""
    try:
        questions: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        say(f"{file} cannot be read: {error}")
        raise typer.Exit(Exit.USAGE) from error

    async def work(ask: Ask, config: Config) -> int | None:
        found = await ask("MeasureSearch", questions=questions, mode=mode, collection=collection or None)
        if as_json:
            show_json(found)
            return None
        say(
            f"{len(found['questions'])} questions, {found['mode']}: nDCG@10 {found['ndcg_10']:.4f},"
            f" recall@100 {found['recall_100']:.4f}, MRR@10 {found['mrr_10']:.4f}, {found['mean_ms']:.0f} ms a search"
        )
        if found["degraded"]:
            say(f"Asked for {found['asked']}: {found['degraded']['detail']}")
        worst = sorted(found["questions"], key=lambda one: one["ndcg_10"])[:10]
        table(worst, ["ndcg_10", "recall_100", "first", "query"])
        return None

    raise typer.Exit(run_with(work))
