"""What is wrong with a file, in words that name the line and the rule; nothing personal and no bank details in them."""

from dataclasses import dataclass, field

FAULTS_KEPT = 200
"""How many faults a report lists; all are counted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule of a file. `line` counts from 1; None where the fault belongs to the file as a whole."""

    line: int | None
    rule: str
    message: str


class Refusal(Exception):
    """Reading stops here: nothing after this fault can be trusted."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.rule)
        self.fault = fault


@dataclass(slots=True)
class Faults:
    """Faults in the order found: the first `keep` in full, and the number of all."""

    keep: int = FAULTS_KEPT
    kept: list[Fault] = field(default_factory=list)
    count: int = 0

    def add(self, line: int | None, rule: str, message: str) -> None:
        """Note one fault; beyond `keep` it is only counted."""
        self.count += 1
        if len(self.kept) < self.keep:
            self.kept.append(Fault(line, rule, message))

    def end(self, fault: Fault) -> None:
        """Note the fault at which reading stopped, which is told however many came before it."""
        self.count += 1
        self.kept.append(fault)

    def add_all(self, faults: "Faults") -> None:
        """Take over the faults that another reader found."""
        self.kept += faults.kept
        self.count += faults.count

    def in_order(self) -> tuple[Fault, ...]:
        """The faults kept, as one reads a file: those of the whole file first, then line by line."""
        return tuple(sorted(self.kept, key=lambda fault: fault.line or 0))
