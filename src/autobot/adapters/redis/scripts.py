"""What the server does in one go: a script by its text and its name, and those that change a stream."""

from __future__ import annotations

from hashlib import sha1
from typing import Final


class Script:
    """A Lua script; the server knows it by the SHA-1 of its text once it has run it."""

    __slots__ = ("name", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.name = sha1(text.encode(), usedforsecurity=False).hexdigest()


BEGIN: Final = Script("""
redis.call('DEL', KEYS[1], KEYS[2])
local id = ARGV[1] .. '-1'
redis.call('XADD', KEYS[1], id, 'begins', ARGV[1])
redis.call('HSET', KEYS[2], 'from', ARGV[1], 'to', ARGV[1], 'last', id)
""")
"""Begins a stream anew after a position. Its first entry is a mark, so that the stream is there."""

APPEND: Final = Script("""
local state = redis.call('HMGET', KEYS[2], 'to', 'last')
if not state[1] then return '' end
if state[1] ~= ARGV[1] then return state[1] end
if redis.call('EXISTS', KEYS[1]) == 0 then return '' end
local info, newest = redis.call('XINFO', 'STREAM', KEYS[1]), nil
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then newest = info[i + 1] end
end
if newest ~= state[2] then return '' end
local last, kind = state[2], 'application/cloudevents+json'
for i = 3, #ARGV, 2 do
  redis.call('XADD', KEYS[1], ARGV[i], 'prev', last, 'content-type', kind, 'data', ARGV[i + 1])
  last = ARGV[i]
end
redis.call('HSET', KEYS[2], 'to', ARGV[2], 'last', last)
return ARGV[2]
""")
"""Appends entries when the stream stands where the caller thinks, and is whole; returns where it stands, '' when
it is not what its state says. So no relay can leave a hole or publish out of order, however many there are."""

TRIM: Final = Script("""
local from = redis.call('HGET', KEYS[2], 'from')
if not from or tonumber(from) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[2], 'from', ARGV[1])
return redis.call('XTRIM', KEYS[1], 'MINID', ARGV[1] .. '-2')
""")
"""Drops what every group has behind it. Exact: an approximate trim would leave what a hole looks like."""
