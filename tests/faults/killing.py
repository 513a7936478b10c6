"""One round: a product under load, a plan of faults done to it, and the judge's word on what is left."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from autobot.testing.fault_plan import fault_plan
from autobot.testing.history_linear import Get
from tests.faults.asking import PatientClient
from tests.faults.checking import Judge, audit_faults
from tests.faults.clusters import Product, embedded, on_postgres
from tests.faults.injecting import Injector
from tests.faults.progress import Progress
from tests.faults.report import Report, quiet
from tests.faults.scaled import scaled
from tests.faults.writing import Remover, Worker, Writer
from tests.integration.product.stand_in import Call, ModelServer

MODES: Final = {"embedded": embedded, "postgres": on_postgres, "scaled": scaled}
WORDS: Final = 12
RUN_FAILED: Final = "autobot.runs.run_failed.v1"
DEFECTS: Final = {"non-determinism", "internal"}
"""Errors of runs that no fault of the world explains."""
WORD_S: Final = 0.02
LAST_S: Final = 150.0
"""How long the last requests may take when the faults are over."""


def paced(call: Call) -> None:
    """Answer word by word, so that faults find runs in the middle of their answer."""

    def speak() -> None:
        pause = threading.Event()
        for number in range(WORDS):
            call.say(f"word{number} ")
            pause.wait(WORD_S)
        call.end()

    threading.Thread(target=speak, daemon=True).start()


def disturb(
    folder: Path,
    mode: str,
    *,
    faults: int,
    seed: int,
    writers: int = 4,
    say: Callable[[str], None] = quiet,
) -> Report:
    """Run a product of this mode on `folder`, do so many faults to it, and judge. `say` is told of each fault."""
    began = time.monotonic()
    report = Report(mode, seed)
    with ModelServer() as models:
        models.on(" says number ", paced)
        environment = {"AUTOBOT_OPENAI_BASE_URL": models.address, "AUTOBOT_LOG_LEVEL": "error"}
        asyncio.run(_round(folder, environment, report, faults, writers, say))
    report.seconds = time.monotonic() - began
    return report


async def _round(
    folder: Path,
    environment: Mapping[str, str],
    report: Report,
    faults: int,
    writers: int,
    say: Callable[[str], None],
) -> None:
    progress = Progress()
    async with MODES[report.mode](folder, environment, report.seed) as product:
        key = await product.key()
        await asyncio.to_thread(_lift_limits, product.base_url, key)
        await _again(product)
        crew: list[Worker] = [
            Writer(product.base_url, key, f"writer{one}", report.seed, progress, model="openai:stand-in")
            for one in range(writers)
        ]
        remover = Remover(product.base_url, key, "remover", report.seed, progress)
        crew.append(remover)
        for worker in crew:
            worker.start()
        plan = fault_plan(report.seed, faults, kinds=product.kinds, roles=sorted(product.processes()))
        injector = Injector(product, progress, say)
        report.done = await injector.run(plan)
        for worker in crew:
            worker.halt()
        late = [one.name for one in crew if not await asyncio.to_thread(one.ended, LAST_S)]
        report.findings += (
            report.done.died + report.done.stuck + [f"{one} was never answered" for one in late]
        )
        await asyncio.to_thread(_judge, product, key, crew, remover, report)
    if report.findings:
        report.findings.append(product.log()[-3000:])


def _lift_limits(address: str, key: str) -> None:
    """Let the load ask as often as it likes, from the next start on."""
    with PatientClient(address, key=key) as client:
        client("PUT", "/api/v1/settings/limits.default_per_minute", {"value": 1_000_000}).expect(200)


async def _again(product: Product) -> None:
    for role in product.processes():
        await product.kill(role)
    await product.start()


def _judge(product: Product, key: str, crew: Sequence[Worker], remover: Remover, report: Report) -> None:
    notes = [one.notes for one in crew]
    settings = (one for each in notes for one in each.settings)
    report.reads = sum(isinstance(one.input, Get) for one in settings)
    with PatientClient(product.base_url, key=key) as client:
        judge = Judge(client, notes, remover.removals)
        try:
            report.findings += judge.judge()
        except (AssertionError, OSError) as error:
            report.findings += [*judge.faults, f"the judge could not read: {error}"]
        if report.findings:
            judge.keep(product.folder.with_name("found.json"))
        report.runs, report.events = judge.runs, len(judge.log)
        failed = [one["data"] for one in judge.log if one["type"] == RUN_FAILED and one.get("data")]
        report.failures.update(str(one["error"].get("code")) for one in failed)
        report.findings += [
            f"a run failed by a defect: {one}" for one in failed if one["error"].get("code") in DEFECTS
        ]
    report.findings += audit_faults(product.folder, product.environment)
    report.removals = len(remover.removals)
    for one in notes:
        report.requests += len(one.acknowledged)
        report.retried += sum(each.attempts > 1 for each in one.acknowledged)
        report.replayed += one.replayed
        report.broken += one.broken
