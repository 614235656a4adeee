"""Pictures of amounts, over a year and side by side: points, marks and bars for an SVG whose table stands beside it. Pure arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

WIDTH = 720
HEIGHT = 220
LEFT = 76
RIGHT = 20
TOP = 14
BOTTOM = 30

_STEPS = (1, 2, 5)
_MOST_MARKS = 5


@dataclass(frozen=True)
class Mark:
    """A line across (money) or a word below (months): where, and what it says."""

    at: float
    pence: int = 0
    words: str = ""


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    on: date
    pence: int


@dataclass(frozen=True)
class Chart:
    """Everything that the template draws, in the units of a 720 by 220 view box."""

    dots: tuple[Dot, ...]
    across: tuple[Mark, ...]
    below: tuple[Mark, ...]
    zero: float

    @property
    def points(self) -> str:
        return " ".join(f"{dot.x:.1f},{dot.y:.1f}" for dot in self.dots)


def balance_chart(months: Sequence[tuple[date, int]]) -> Chart | None:
    """Balances (pence) at dates, oldest first. Credit is drawn upwards, arrears downwards. None where there is no line to draw."""
    if len(months) < 2:
        return None
    step = money_step(min(0, *(pence for _, pence in months)), max(0, *(pence for _, pence in months)))
    low = min(0, *(pence for _, pence in months)) // step * step
    high = -(-max(0, *(pence for _, pence in months)) // step) * step
    high = high if high > low else low + step

    def y(pence: int) -> float:
        return TOP + (pence - low) * (HEIGHT - TOP - BOTTOM) / (high - low)

    first, last = months[0][0], months[-1][0]
    days = max(1, (last - first).days)

    def x(on: date) -> float:
        return LEFT + (on - first).days * (WIDTH - LEFT - RIGHT) / days

    dots = tuple(Dot(x(on), y(pence), on, pence) for on, pence in months)
    across = tuple(Mark(y(pence), pence=pence) for pence in range(low, high + 1, step))
    below = tuple(Mark(dot.x, words=f"{dot.on:%b}") for dot in dots)
    return Chart(dots, across, below, y(0))


def money_step(low: int, high: int) -> int:
    """The distance between two lines, in pence: 1, 2 or 5 times a power of ten, so that at most five lie between the extremes."""
    span = max(high - low, 100)
    scale = 100
    while True:
        for step in _STEPS:
            if span <= step * scale * (_MOST_MARKS - 1):
                return step * scale
        scale *= 10


BAR_STEP = 28
BAR_LEFT = 240
BAR_RIGHT = 110
"""What is left of and behind a bar for its words and its amount."""


@dataclass(frozen=True)
class Bar:
    """An amount (pence, not below nothing) with its words. `at` and `length` are set by `bar_chart`."""

    words: str
    pence: int
    at: int = 0
    length: float = 0.0


@dataclass(frozen=True)
class BarChart:
    """Bars under each other, in the units of a view box that is 720 wide and as high as there are bars."""

    bars: tuple[Bar, ...]
    left: int = BAR_LEFT
    width: int = WIDTH

    @property
    def height(self) -> int:
        return len(self.bars) * BAR_STEP

    @property
    def most(self) -> Bar:
        return max(self.bars, key=lambda bar: bar.pence)


def bar_chart(bars: Sequence[Bar]) -> BarChart | None:
    """Bars as long as their amounts, the longest over the whole width. None where every amount is nothing."""
    longest = max((bar.pence for bar in bars), default=0)
    if longest <= 0:
        return None
    room = WIDTH - BAR_LEFT - BAR_RIGHT
    return BarChart(tuple(replace(bar, at=number * BAR_STEP, length=bar.pence * room / longest) for number, bar in enumerate(bars)))
