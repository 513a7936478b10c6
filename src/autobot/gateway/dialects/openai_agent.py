"""Agents in the OpenAI dialect: what a request for `agent:<name>` asks for.

An agent works in a chat of its own with AutoBot's tools and the operator's settings. What a request says beside its
messages would change the answer and cannot be done, so it is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from autobot.contracts.chat import CONTENT_MAX, BroughtRole, Earlier
from autobot.gateway.dialects.openai_request import ChatBody, generate_request, refuse
from autobot.kernel.core.errors import Absent

PREFIX: Final = "agent:"
ASSISTANT: Final = "agent:assistant"
"""The built-in assistant: it answers as a model does, without a chat."""

_ROLES: Final[dict[str, BroughtRole]] = {"system": "system", "user": "user", "assistant": "assistant"}
_OWN: Final = (
    "tools",
    "tool_choice",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "stop",
    "seed",
    "reasoning_effort",
)
"""What an agent decides for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRequest:
    """Ask `agent` (its full name): `content` is the newest message, `earlier` what was said before."""

    agent: str
    earlier: tuple[Earlier, ...]
    content: str


def names_agent(model: str) -> bool:
    """Say whether a name is that of an agent that works in a chat."""
    return model.startswith(PREFIX) and model != ASSISTANT


def no_model(agent: str) -> Absent:
    """Return the error of an agent that has no model to work with."""
    return Absent(
        "model",
        f"No model is set up, so {agent} cannot answer.",
        hint="Set up a model (autobot doctor names the steps), or ask agent:assistant.",
    )


def agent_request(body: ChatBody) -> AgentRequest:
    """Return what a chat body asks of an agent. Raises InvalidInput with a pointer."""
    messages = generate_request(body).messages
    for name in _OWN:
        if getattr(body, name) not in (None, [], "auto"):
            refuse(name, f"{name} is not for an agent: it works with its own tools and settings.")
    if body.response_format is not None and body.response_format.type != "text":
        refuse("response_format", "response_format is not for an agent: it answers in text.")
    for index, one in enumerate(messages):
        if one.role not in _ROLES or one.tool_calls:
            refuse(
                f"messages/{index}", "An agent is told what system, user and assistant said, without tools."
            )
        if len(one.content) > CONTENT_MAX:
            refuse(f"messages/{index}/content", f"A message has at most {CONTENT_MAX} characters.")
    last = len(messages) - 1
    if messages[last].role != "user":
        refuse(f"messages/{last}/role", "The last message must be the user's: it is what the agent answers.")
    if not messages[last].content.strip():
        refuse(f"messages/{last}/content", "The message is empty.")
    return AgentRequest(
        agent=body.model,
        earlier=tuple(Earlier(role=_ROLES[one.role], content=one.content) for one in messages[:last]),
        content=messages[last].content,
    )
