"""The sketch for the board, of which a compiler without ESP-IDF can see the names and types."""


def test_the_sketch_uses_what_is_declared(build):
    build("syntax")
