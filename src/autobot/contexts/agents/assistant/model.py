"""The built-in assistant behind the LanguageModel port, so that a chat reaches it like any model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from autobot.contexts.agents.assistant.answering import Said, best_of
from autobot.contexts.agents.assistant.commands import Commands, is_command, run
from autobot.contexts.agents.assistant.ranking import Guide
from autobot.contexts.agents.catalogue import full_name
from autobot.contexts.agents.ports import (
    ASSISTANT,
    Chunk,
    Embeddings,
    Finished,
    GenerateRequest,
    ModelInfo,
    ServedBy,
    TextDelta,
    Usage,
)
from autobot.contexts.agents.tools import SEARCH_DOCUMENTS, Excerpt, SearchDocuments, excerpts_of
from autobot.contracts.chat import AS_ASKED
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent, AutoBotError, DeadlineExceeded, InvalidInput, NotFound

NAME: Final = full_name(ASSISTANT, "")
ROW: Final = "agents-llm"
"""It runs beside the facade: the row to the facade is the only hop to it."""


class Assistant:
    """A LanguageModel that is none, and says so. It reads the last message of the person only."""

    def __init__(self, guide: Guide, commands: Commands, documents: SearchDocuments | None = None) -> None:
        self._guide, self._commands, self._documents = guide, commands, documents

    @property
    def provider(self) -> str:
        """`assistant`."""
        return ASSISTANT

    @property
    def link_id(self) -> str:
        """The row to the facade."""
        return ROW

    async def models(self, context: CallContext) -> Sequence[ModelInfo]:
        """Return itself."""
        return (ModelInfo(id=NAME, tools=False, detail="looks things up in AutoBot's guide"),)

    async def generate(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        """Answer the last message from the guide or the person's documents, or run its slash command."""
        if request.model != NAME:
            raise NotFound(f"The built-in assistant answers to {NAME} only.")
        if request.json_schema is not None:
            raise InvalidInput("The built-in assistant is no language model and writes no JSON.")
        said = await self._say(_last_question(request), _brought(request), context)
        for paragraph in _paragraphs(said.text):
            yield TextDelta(text=paragraph)
        served = ServedBy(link=ROW, target=ASSISTANT, provider=ASSISTANT, model=NAME)
        yield Finished(reason="stop", usage=Usage(), served_by=served, citations=said.citations)

    async def _say(self, question: str, brought: Sequence[Excerpt] | None, context: CallContext) -> Said:
        if is_command(question):
            return Said(text=await run(question, self._commands, context))
        found = await self._found(question, context) if brought is None else brought
        return best_of(question, self._guide, found)

    async def _found(self, question: str, context: CallContext) -> Sequence[Excerpt]:
        """Return passages of the person's documents; none where these cannot be searched now: the guide can."""
        if self._documents is None or not question.strip():
            return ()
        try:
            return await self._documents(question, AS_ASKED, context)
        except DeadlineExceeded:
            raise
        except AutoBotError:
            return ()

    async def embed(self, model: str, texts: Sequence[str], context: CallContext) -> Embeddings:
        """Raise Absent: it has no vectors."""
        raise Absent(
            "embeddings",
            "The built-in assistant cannot embed texts.",
            hint="Set up Ollama or a model server that can embed",
        )


def _last_question(request: GenerateRequest) -> str:
    for message in reversed(request.messages):
        if message.role == "user":
            return message.content
    return ""


def _brought(request: GenerateRequest) -> Sequence[Excerpt] | None:
    """Return what a search found for the last question already, None when nobody searched."""
    for message in reversed(request.messages):
        if message.role == "tool" and message.name == SEARCH_DOCUMENTS:
            return excerpts_of(message.content)
        if message.role == "user":
            break
    return None


def _paragraphs(text: str) -> list[str]:
    """Cut a text into pieces that joined are the text."""
    pieces = text.split("\n\n")
    return [piece + "\n\n" for piece in pieces[:-1]] + pieces[-1:]
