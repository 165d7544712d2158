"""Text of others, made safe to show: names, topics and messages may hold anything."""


def printable(text: str) -> str:
    r"""Return the text with every character escaped that shows nothing or changes how others show.

    These are control characters, line and paragraph separators, and those that turn the direction of writing:
    each becomes `\n`, `\x1b` or `\u202e`. Spaces stay.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
