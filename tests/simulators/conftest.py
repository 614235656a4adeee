"""Hypothesis without a deadline for each example."""

from hypothesis import settings

# A loaded machine is no fault of the code: the test's own time limit bounds it.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
