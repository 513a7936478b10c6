"""A mark tells service keys apart and nothing of them."""

from autobot.adapters.vault.service_tokens import derived, key_mark


def test_a_mark_is_the_same_for_one_key_and_another_for_another() -> None:
    """Two roles with one key file show one mark; one bit of the key makes another."""
    key = bytes(32)
    marks = {key_mark(bytes(place) + b"\x01" + bytes(31 - place)) for place in range(32)}
    assert key_mark(key) == key_mark(bytes(32))
    assert len(marks | {key_mark(key)}) == 33
    assert all(len(one) == 8 and int(one, 16) >= 0 for one in marks)


def test_a_mark_holds_no_part_of_the_key() -> None:
    """Neither the key file's bytes nor those that sign stand in it."""
    key = bytes(range(32))
    mark = bytes.fromhex(key_mark(key))
    assert mark not in key
    assert mark not in derived(key)
