"""The settings of writeoffs: those that every service has."""

from chassis.settings import Settings


class WriteOffsSettings(Settings):
    """Nothing beside what every service is told."""
