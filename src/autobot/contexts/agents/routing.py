"""Routing by intent: what a question is about, by examples of each intent, with how sure that is.

With an embedding model a text is compared by meaning: its cosine to the middle of an intent's examples and to the
nearest two of them. Without one it is compared by words. A route says which of the two it was, and one that is not
sure changes nothing: then every tool is offered, as without routing.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from autobot.contexts.agents.ports import Embeddings
from autobot.contracts.chat import Route
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import SYSTEM, CallContext
from autobot.kernel.core.errors import Absent, AutoBotError, InvalidInput
from autobot.kernel.core.ranking import stem

TALK: Final = "chat"
"""The intent of everything that needs no tool."""
TEXT_MAX: Final = 2_000
"""Characters of a question that are looked at."""
EMBED_S: Final = 1.0
"""Seconds that an embedding may take; a slower one is not waited for."""
LEARN_S: Final = 0.3
"""Seconds that a question waits for the examples; a model that must load embeds them by itself meanwhile."""
REST_S: Final = 10.0
"""Seconds for which words decide after an embedding took too long."""
NEAREST: Final = 2
"""Examples of an intent that count beside their middle."""
MARGIN: Final = 0.02
"""By how much the best intent must be ahead of the next."""
WORDS_THRESHOLD: Final = 0.5
"""Share of a question's words, by weight, that an example must have."""
_WORD: Final = re.compile(r"[^\W_]+")
_RULE: Final = re.compile(r"([a-z][a-z0-9_]{0,59}):\s*(\S.*)", re.DOTALL)

Mode = Literal["meaning", "words", "off"]
Embed = Callable[[Sequence[str], CallContext], Awaitable[Embeddings]]
"""Embeds texts by one model. Raises errors of the tree while there is none."""
Vector = Sequence[float]

SHIPPED: Final = (
    "current_time: What time is it?",
    "current_time: Tell me the current time, please.",
    "current_time: What is today's date?",
    "current_time: Which day of the week is it today?",
    "current_time: What year are we in right now?",
    "current_time: How late is it now in UTC?",
    "current_time: Is it already past noon?",
    "current_time: Give me the date and the time of this moment.",
    "read_setting: What is the default model set to?",
    "read_setting: Show me the value of the setting model.default.",
    "read_setting: Which address is configured for Ollama?",
    "read_setting: What is ollama.url at the moment?",
    "read_setting: How many requests a minute are allowed by the settings?",
    "read_setting: Read the system prompt that is configured.",
    "read_setting: Where does the value of this setting come from?",
    "read_setting: Which failover chain is set?",
    "read_setting: Is a quota set for users?",
    "search_documentation: How do I connect AutoBot to Ollama?",
    "search_documentation: How can I back up AutoBot's data?",
    "search_documentation: What does the AutoBot guide say about dead letters?",
    "search_documentation: How do I create an API key in AutoBot?",
    "search_documentation: Where is it documented how to run roles on several machines?",
    "search_documentation: How does AutoBot handle a model that fails?",
    "search_documentation: What is a circuit breaker in the links page?",
    "search_documentation: How do I add a user to AutoBot?",
    "search_documentation: Which environment variables does AutoBot read?",
    "search_documentation: How do I put AutoBot behind a reverse proxy?",
    "search_documents: What do my documents say about the warranty?",
    "search_documents: Search my documents for the rental contract.",
    "search_documents: Find the passage on delivery times in the files that I uploaded.",
    "search_documents: According to my notes, when is the next inspection?",
    "search_documents: Look up the invoice number in my files.",
    "search_documents: Which of my uploaded reports mentions the budget?",
    "search_documents: Summarize what the manual in my collection says about maintenance.",
    "search_documents: Is there anything in the knowledge base about holidays?",
    "chat: Write a short poem about the sea.",
    "chat: Translate this sentence into French.",
    "chat: Explain how photosynthesis works.",
    "chat: Hello, how are you?",
    "chat: Summarize the following text.",
    "chat: Write a Python function that sorts a list.",
    "chat: What is the capital of Portugal?",
    "chat: Give me ideas for dinner tonight.",
    "chat: Correct the grammar of my email.",
    "chat: Tell me a joke.",
    "chat: What do you think about this plan?",
    "chat: Who wrote Don Quixote?",
    "chat: Thanks, that was helpful.",
)
"""Examples as shipped. An intent is named like the tool that it asks for; `chat` asks for none."""


def intents_of(rules: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Read an operator's `INTENT: example` items. Raises InvalidInput for one that is none."""
    found: dict[str, list[str]] = {}
    for rule in rules:
        match = _RULE.fullmatch(rule.strip())
        if match is None:
            raise InvalidInput(f"{rule!r} is no example.", hint="Write current_time: What time is it?")
        found.setdefault(match[1], []).append(match[2].strip())
    return {intent: tuple(examples) for intent, examples in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What an operator set. `threshold` (0–1) is the confidence by meaning below which a route is not sure."""

    intents: Mapping[str, tuple[str, ...]]
    mode: Mode = "meaning"
    threshold: float = 0.35


# ----------------------------------------------------------------------------------------------- by meaning


class Prototypes:
    """The examples of each intent as vectors of one model. Pure."""

    def __init__(self, intents: Mapping[str, Sequence[str]], model: str, vectors: Sequence[Vector]) -> None:
        self.model = model
        self._of: dict[str, list[Vector]] = {}
        rows = iter(vectors)
        for intent, examples in intents.items():
            self._of[intent] = [_unit(next(rows)) for _ in examples]
        self._middle = {
            intent: _unit([sum(column) for column in zip(*own, strict=True)])
            for intent, own in self._of.items()
        }

    def scores(self, vector: Vector) -> dict[str, float]:
        """Return how near a text is to each intent, 0 to 1."""
        text = _unit(vector)
        found = {}
        for intent, examples in self._of.items():
            nearest = sorted((_cosine(text, one) for one in examples), reverse=True)[:NEAREST]
            middle = _cosine(text, self._middle[intent])
            found[intent] = max(0.0, (sum(nearest) / len(nearest) + middle) / 2)
        return found


def _unit(vector: Vector) -> list[float]:
    length = math.sqrt(sum(one * one for one in vector)) or 1.0
    return [one / length for one in vector]


def _cosine(one: Vector, other: Vector) -> float:
    return sum(map(float.__mul__, one, other))


# ------------------------------------------------------------------------------------------------- by words


class Words:
    """The examples of each intent as words, each weighted by how few of the examples have it. Pure."""

    def __init__(self, intents: Mapping[str, Sequence[str]]) -> None:
        self._examples = [
            (intent, frozenset(_words(text))) for intent, texts in intents.items() for text in texts
        ]
        self._seen = Counter(word for _, words in self._examples for word in words)

    def scores(self, text: str) -> dict[str, float]:
        """Return for each intent the share of the text's words, by weight, that its nearest example has."""
        words = frozenset(_words(text))
        whole = sum(map(self._weight, words)) or 1.0
        found = {intent: 0.0 for intent, _ in self._examples}
        for intent, example in self._examples:
            shared = sum(map(self._weight, words & example))
            found[intent] = max(found[intent], shared / whole)
        return found

    def _weight(self, word: str) -> float:
        return math.log(1 + len(self._examples) / (1 + self._seen[word]))


def _words(text: str) -> list[str]:
    return [stem(word) for word in _WORD.findall(text.lower())]


# ---------------------------------------------------------------------------------------------------- routing


def decided(
    scores: Mapping[str, float], threshold: float, by: Literal["meaning", "words"], model: str
) -> Route:
    """Return the route of these scores; sure when the best is above the threshold and ahead of the next."""
    ranked = sorted(scores.items(), key=lambda one: -one[1])
    intent, best = ranked[0]
    ahead = len(ranked) == 1 or best - ranked[1][1] >= MARGIN
    return Route(
        intent=intent,
        confidence=round(min(1.0, best), 4),
        sure=best >= threshold and ahead,
        by=by,
        model=model or None,
    )


class Router:
    """Routes questions. Used from one event loop; `rules` are asked at each question."""

    def __init__(self, rules: Callable[[], Rules], embed: Embed, clock: Clock) -> None:
        self._rules, self._embed, self._clock = rules, embed, clock
        self._not_before = 0.0
        self._learning: asyncio.Task[None] | None = None
        self._prototypes: tuple[Mapping[str, tuple[str, ...]], Prototypes] | None = None
        self._words: tuple[Mapping[str, tuple[str, ...]], Words] | None = None

    async def route(self, text: str, context: CallContext) -> Route | None:
        """Return what a question is about; None when routing is off or there are no examples.

        While no model embeds, or it does not answer in time, words decide, and the route says so.
        """
        rules, text = self._rules(), text.strip()[:TEXT_MAX]
        if rules.mode == "off" or not rules.intents or not text:
            return None
        if rules.mode == "meaning" and self._clock.monotonic() >= self._not_before:
            try:
                return await self._by_meaning(text, rules, context)
            except AutoBotError:
                # Nothing embeds now. The route tells that words decided.
                return self._by_words(text, rules)
            except TimeoutError:
                self._not_before = self._clock.monotonic() + REST_S
        return self._by_words(text, rules)

    async def _by_meaning(self, text: str, rules: Rules, context: CallContext) -> Route:
        """Compare with the examples. Raises Absent while they are being embedded for the first time."""
        known = await self._known(rules, context)
        async with asyncio.timeout(EMBED_S):
            found = await self._embed([text], context)
        if found.model != known.model:
            # Another model embeds now: what was learned of the other one says nothing.
            self._prototypes = None
            raise Absent("embeddings", "The examples are embedded anew.", hint="Ask again in a moment")
        return decided(known.scores(found.vectors[0]), rules.threshold, "meaning", found.model)

    async def _known(self, rules: Rules, context: CallContext) -> Prototypes:
        """Return the examples as vectors. A model that must load first is not waited for: it goes on by itself."""
        known = self._prototypes
        if known is not None and known[0] == rules.intents:
            return known[1]
        task = self._learning
        if task is None:
            work = self._learn(rules.intents, replace(context, deadline=None, principal=SYSTEM))
            task = self._learning = asyncio.get_running_loop().create_task(work, name="examples of intents")
            task.add_done_callback(self._learned)
        await asyncio.wait((task,), timeout=LEARN_S)
        known = self._prototypes
        if known is None or known[0] != rules.intents:
            raise Absent("embeddings", "The examples are not embedded yet.", hint="Ask again in a moment")
        return known[1]

    async def _learn(self, intents: Mapping[str, tuple[str, ...]], context: CallContext) -> None:
        examples = [one for own in intents.values() for one in own]
        found = await self._embed(examples, context)
        self._prototypes = intents, Prototypes(intents, found.model, list(found.vectors))

    def _learned(self, task: asyncio.Task[None]) -> None:
        self._learning = None
        if not task.cancelled():
            # While nothing embeds words decide; whoever asks next tries again.
            task.exception()

    async def close(self) -> None:
        """End what is being learned."""
        if self._learning is not None:
            self._learning.cancel()
            await asyncio.wait((self._learning,))

    def _by_words(self, text: str, rules: Rules) -> Route:
        known = self._words
        if known is None or known[0] != rules.intents:
            known = self._words = rules.intents, Words(rules.intents)
        return decided(known[1].scores(text), WORDS_THRESHOLD, "words", "")
