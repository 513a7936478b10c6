"""Which models there are: names, windows, states. What providers last said is kept, with its age."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from autobot.contexts.agents.ports import ASSISTANT, LanguageModel, ModelInfo, Ranker
from autobot.contracts.inference import RerankedBy
from autobot.contracts.runs import ModelChoice
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent, AutoBotError, InvalidInput, NotFound

FRESH_S: Final = 30.0
"""Seconds for which a provider's list is shown without asking again."""

ASK_AGAIN_S: Final = 5.0
"""Seconds before a name that is in no list makes us ask again."""

LIST_TIMEOUT_S: Final = 5.0
"""Seconds that a provider gets to list its models; a picker cannot wait for a model that loads."""

NPU: Final = "npu"
LABELS: Final = {
    "ollama": "Ollama",
    "openai": "OpenAI-compatible server",
    "llamacpp": "Model file (llama.cpp)",
    NPU: "Accelerator on this machine or another (OpenVINO)",
    ASSISTANT: "Built-in assistant (no language model)",
}

State = Literal["ready", "absent", "unreachable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A model and who has it.

    Attributes:
        name: its full name, `ollama:llama3:8b`.
        model: its name at the provider.
        info: what the provider says of it, None when it was never listed.
        window: tokens that prompt and answer share, None when unknown.
        sets: the window to ask the server for, None where the dialect cannot.
    """

    name: str
    provider: LanguageModel
    model: str
    info: ModelInfo | None
    window: int | None
    sets: int | None


@dataclass(slots=True)
class _Listing:
    """What one provider last said, and when (monotonic seconds)."""

    models: Sequence[ModelInfo] = ()
    listed_at: float | None = None
    asked_at: float | None = None
    state: State = "absent"
    problem: AutoBotError | None = None


class Catalogue:
    """The models of all providers, in the operator's order of providers.

    `configured_default` is the operator's default model, None when none is set. `window_limit` bounds the
    window that is asked for where the server lets us choose it (`sizable`): a model may know 128,000 tokens
    and the machine not have the memory. `windows` are the operator's own figures by model name, full or
    bare; they overrule both.
    """

    def __init__(
        self,
        providers: Sequence[LanguageModel],
        clock: Clock,
        *,
        configured_default: Callable[[], str | None] = lambda: None,
        window_limit: Callable[[], int] = lambda: 8192,
        windows: Callable[[], Mapping[str, int]] = dict,
        sizable: frozenset[str] = frozenset({"ollama"}),
    ) -> None:
        self._providers = {one.provider: one for one in providers}
        self._clock, self._default, self._limit = clock, configured_default, window_limit
        self._windows, self._sizable = windows, sizable
        self._listings = {name: _Listing() for name in self._providers}
        self._locks = {name: asyncio.Lock() for name in self._providers}
        self._made: dict[tuple[str, str], Known] = {}
        self._made_for: object = None
        self.changed: Callable[[], object] = lambda: None
        """Called when a provider has other models than it had, or none any more."""

    @property
    def providers(self) -> tuple[LanguageModel, ...]:
        """The providers, in the operator's order."""
        return tuple(self._providers.values())

    async def default_for(self, context: CallContext) -> str | None:
        """Return `default_model()` after asking the providers whose list is old or was never read.

        None means that no model is set up. Where a provider is set up and has never been reached, its models are
        unknown, and nothing may stand in for them: its error is raised.
        """
        if not self._default():
            await self._refresh_all(context, FRESH_S)
        return self.default_model() or await self._first_of_unknown(context)

    async def _first_of_unknown(self, context: CallContext) -> str | None:
        """Ask providers again that were never reached: without their lists there is no default to be known."""
        unknown = [
            provider
            for name, provider in self._providers.items()
            if self._listings[name].state == "unreachable" and self._listings[name].listed_at is None
        ]
        for provider in unknown:
            await self._refresh(provider, context, 0.0)
        default = self.default_model()
        problem = next((self._listings[one.provider].problem for one in unknown), None)
        if default is None and problem is not None:
            raise problem
        return default

    def default_model(self) -> str | None:
        """Return the operator's default, else the first model that a provider has; None while there is none.

        A provider that answers comes before one that has models and is out of reach now. Never the built-in
        assistant: it replaces no model.
        """
        configured = self._default()
        if configured:
            return configured
        for state in ("ready", "unreachable"):
            for name, listing in self._listings.items():
                if name != ASSISTANT and listing.state == state:
                    for info in listing.models:
                        if info.generates:
                            return full_name(name, info.id)
        return None

    async def embedder(self, context: CallContext) -> Known:
        """Return the model that embeds when none is named: the operator's default if it embeds, else the accelerator's,
        else the first that says it embeds. Raises Absent when there is none."""
        await self._refresh_all(context, FRESH_S)
        found = self._embedder()
        if found is None:
            raise Absent("embeddings", "There is no model that embeds.", hint="autobot add npu")
        return found

    def default_embedder(self) -> str | None:
        """Return the full name of that model as far as it is known; None while there is none."""
        found = self._embedder()
        return found.name if found else None

    async def ranker(self, by: RerankedBy | None, context: CallContext) -> Known:
        """Return the model that puts texts in order, in the way asked for: one that ranks, else one that embeds at a
        provider that compares. Raises Absent when there is none. Nobody else is asked for a list: a search waits for it."""
        for provider in self._providers.values():
            if isinstance(provider, Ranker):
                await self._refresh(provider, context, FRESH_S)
        able = [
            (one, one.info)
            for one in self._listed()
            if isinstance(one.provider, Ranker) and one.info is not None
        ]
        ranks = [one for one, info in able if info.ranks and by != "embedding"]
        embeds = [one for one, info in able if info.embeds and by != "cross-encoder"]
        if not ranks and not embeds:
            detail = "There is no model that reads question and passage together."
            hint = "Name one in AUTOBOT_NPU_MODELS, such as judge=rerank:/models/judge"
            if by != "cross-encoder":
                detail, hint = "There is no model that puts passages in order.", "autobot add npu"
            raise Absent("rerank", detail, hint=hint)
        return (ranks or embeds)[0]

    def _listed(self) -> list[Known]:
        """Return what every provider has, the accelerator's first."""
        first = sorted(self._listings.items(), key=lambda one: one[0] != NPU)
        return [
            self._known(self._providers[provider], info.id, info)
            for provider, listing in first
            for info in listing.models
        ]

    def _embedder(self) -> Known | None:
        configured = self._default()
        found = [one for one in self._listed() if one.info is not None and one.info.embeds]
        chosen = (one for one in found if configured in {one.name, one.model})
        return next(chosen, found[0] if found else None)

    async def find(self, name: str, context: CallContext) -> Known:
        """Return the model of a full or bare name. Raises NotFound with what could not be asked."""
        wanted = name or self.default_model() or ""
        prefix, colon, rest = wanted.partition(":")
        if wanted == full_name(ASSISTANT, "") and ASSISTANT in self._providers:
            return self._known(self._providers[ASSISTANT], wanted, None)
        if colon and rest and prefix in self._providers and prefix != ASSISTANT:
            return await self._named(self._providers[prefix], rest, context)
        found = self._bare(wanted)
        if found is None and wanted:
            await self._refresh_all(context, ASK_AGAIN_S)
            found = self._bare(wanted)
        if found is None:
            raise self._not_found(wanted)
        return found

    async def _named(self, provider: LanguageModel, model: str, context: CallContext) -> Known:
        """Return a model of a provider that is named; the provider itself says when it has no such model."""
        listing = self._listings[provider.provider]
        if listing.asked_at is None:
            await self._refresh(provider, context, FRESH_S)
        return self._known(provider, model, _by_id(listing.models, model))

    def _bare(self, name: str) -> Known | None:
        for provider, listing in self._listings.items():
            info = _by_id(listing.models, name) if provider != ASSISTANT else None
            if info is not None:
                return self._known(self._providers[provider], info.id, info)
        return None

    def _known(self, provider: LanguageModel, model: str, info: ModelInfo | None) -> Known:
        """Return what is known of a model; made once for the same lists and the same settings."""
        limit, windows = self._limit(), self._windows()
        if self._made_for != (limit, windows):
            self._made, self._made_for = {}, (limit, dict(windows))
        found = self._made.get((provider.provider, model))
        if found is None or found.info is not info or found.provider is not provider:
            found = _make(
                provider, model, info, windows, limit if provider.provider in self._sizable else None
            )
            if info is not None:
                self._made[(provider.provider, model)] = found
        return found

    def _not_found(self, name: str) -> NotFound:
        silent = [
            LABELS.get(one, one) for one, listing in self._listings.items() if listing.state == "unreachable"
        ]
        detail = f"There is no model called {name}." if name else "No model is set up."
        if silent:
            detail += f" {', '.join(silent)} could not be asked."
        return NotFound(detail, hint="GET /v1/models lists the models that there are.")

    # ------------------------------------------------------------------------------------------- listing

    async def choices(self, context: CallContext) -> tuple[ModelChoice, ...]:
        """Return every model, and an entry for each provider that has none, as the picker shows them."""
        await self._refresh_all(context, FRESH_S)
        default = self.default_model()
        found: list[ModelChoice] = []
        for name, provider in self._providers.items():
            listing = self._listings[name]
            if not listing.models:
                found.append(self._placeholder(provider, listing))
            for info in listing.models:
                known = self._known(provider, info.id, info)
                found.append(
                    ModelChoice(
                        id=known.name,
                        label=LABELS[ASSISTANT] if name == ASSISTANT else info.id,
                        provider=name,
                        link=provider.link_id,
                        state=listing.state,
                        window=known.window,
                        default=default is not None and default in {known.name, info.id},
                        generates=info.generates,
                        embeds=info.embeds,
                        ranks=info.ranks,
                        detail=self._detail(listing, info),
                    )
                )
        if default is not None and not any(one.default for one in found):
            found.extend(self._unlisted(default))
        return tuple(found)

    def _unlisted(self, default: str) -> tuple[ModelChoice, ...]:
        """Return the operator's default although its provider does not list it now: it is what a new chat asks."""
        provider = self._providers.get(default.partition(":")[0])
        if provider is None or provider.provider == ASSISTANT:
            return ()
        listing = self._listings[provider.provider]
        state: State = listing.state if listing.state != "ready" else "absent"
        detail = listing.problem.detail if listing.problem else "Its provider does not list it now."
        choice = ModelChoice(
            id=default,
            label=default.partition(":")[2] or default,
            provider=provider.provider,
            link=provider.link_id,
            state=state,
            default=True,
            detail=detail,
        )
        return (choice,)

    def _placeholder(self, provider: LanguageModel, listing: _Listing) -> ModelChoice:
        name, problem = provider.provider, listing.problem
        words = [problem.detail, problem.hint] if problem else ["It has no models."]
        return ModelChoice(
            id=name,
            label=LABELS.get(name, name),
            provider=name,
            link=provider.link_id,
            state=listing.state if problem else "absent",
            detail=" ".join(word for word in words if word),
        )

    def _detail(self, listing: _Listing, info: ModelInfo) -> str | None:
        words = [info.detail] if info.detail else []
        if info.embeds and not info.generates:
            words.append("for embeddings")
        if info.ranks:
            words.append("for putting passages in order")
        if listing.problem is not None and listing.listed_at is not None:
            age = round(self._clock.monotonic() - listing.listed_at)
            words.append(f"{listing.problem.detail} Last listed {age} s ago.")
        return ", ".join(words) or None

    def ask_again(self) -> None:
        """Ask every provider anew before its list is used: another server may be behind it."""
        for listing in self._listings.values():
            listing.asked_at = None

    async def _refresh_all(self, context: CallContext, older_than: float) -> None:
        async with asyncio.TaskGroup() as group:
            for provider in self._providers.values():
                group.create_task(self._refresh(provider, context, older_than))

    async def _refresh(self, provider: LanguageModel, context: CallContext, older_than: float) -> None:
        """Ask one provider for its models, unless it was asked less than `older_than` seconds ago.

        Whoever comes meanwhile waits for the same answer. A provider that fails keeps its last list.
        """
        listing = self._listings[provider.provider]
        async with self._locks[provider.provider]:
            now = self._clock.monotonic()
            if listing.asked_at is not None and now - listing.asked_at < older_than:
                return
            before = listing.models, listing.state
            try:
                async with asyncio.timeout(LIST_TIMEOUT_S):
                    listing.models = await provider.models(context.within(now + LIST_TIMEOUT_S))
                listing.listed_at, listing.state, listing.problem = now, "ready", None
            except Absent as error:
                listing.models, listing.state, listing.problem = (), "absent", error
            except AutoBotError as error:
                listing.state, listing.problem = "unreachable", error
            except TimeoutError:
                detail = f"It did not list its models within {LIST_TIMEOUT_S:.0f} s."
                listing.state, listing.problem = "unreachable", AutoBotError(detail)
            listing.asked_at = self._clock.monotonic()
            if (listing.models, listing.state) != before:
                self.changed()


def _make(
    provider: LanguageModel, model: str, info: ModelInfo | None, windows: Mapping[str, int], limit: int | None
) -> Known:
    """Describe a model. `limit` bounds the window that its server is asked for, None where it cannot be asked."""
    name = full_name(provider.provider, model)
    told = windows.get(name) or windows.get(model)
    window = told or (info.window if info is not None else None)
    sets = None
    if limit is not None:
        window = sets = told or min(window or limit, limit)
    return Known(name=name, provider=provider, model=model, info=info, window=window, sets=sets)


def windows_of(rules: Sequence[str]) -> dict[str, int]:
    """Read an operator's `NAME=TOKENS` items. Raises InvalidInput for one that is none."""
    found: dict[str, int] = {}
    for rule in rules:
        name, _, tokens = rule.rpartition("=")
        if not name.strip() or not tokens.strip().isdigit() or int(tokens) < 1:
            raise InvalidInput(
                f"{rule!r} is no window.", hint="Write NAME=TOKENS, such as ollama:llama3=16384"
            )
        found[name.strip()] = int(tokens)
    return found


def full_name(provider: str, model: str) -> str:
    """Return a model's full name. The built-in assistant is an agent, and named as one."""
    return "agent:assistant" if provider == ASSISTANT else f"{provider}:{model}"


def _by_id(models: Sequence[ModelInfo], name: str) -> ModelInfo | None:
    """Return the model of this name; a name without a tag means its `latest`, as with Ollama."""
    for info in models:
        if info.id in {name, f"{name}:latest"}:
            return info
    return None
