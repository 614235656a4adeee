"""What a person is told when the stack cannot do what they asked."""


class Problem(Exception):
    """One sentence that says what is wrong and what to do about it."""
