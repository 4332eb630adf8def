"""Variant parameters: the values that a style and its rules stand for (platform.md 8.2). Pure and lazy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    import random

STYLES = ("single", "multiple", "linear", "logspace", "random")
BASE = 10  # of logspace when none is given: unconfirmed
_ROUNDING = Decimal("1e-9")  # of a step, so that 0.1:0.5:0.1 reaches 0.5


class RuleError(ValueError):
    """Rules that cannot be meant; the text is the rest of a sentence about a parameter."""


class Values(Sequence[Any]):
    """The values of one parameter, made when asked for. Subclasses are immutable."""

    def probes(self) -> Sequence[Any]:
        """Values that stand for all: if a step takes these, it takes every one."""
        return self

    def draw(self, chance: random.Random) -> Any:
        """One value by chance: each is as likely as the others."""
        return self[chance.randrange(len(self))]


class Listed(Values):
    """Values as they are written."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._items = tuple(items)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]


class Stepped(Values):
    """`start, start + step, ...` up to and with `end` (inclusive: unconfirmed). Exact in decimals: no 0.30...04."""

    def __init__(self, start: float, end: float, step: float) -> None:
        self._start, self._step = Decimal(repr(start)), Decimal(repr(step))
        self._whole = all(isinstance(value, int) for value in (start, end, step))
        distance = Decimal(repr(end)) - self._start
        if distance and not self._step:
            raise RuleError("has the step 0, which never reaches the end")
        if distance and (distance > 0) != (self._step > 0):
            raise RuleError(f"goes from {start} to {end} by steps of {step}, which lead away from the end")
        self._count = int(distance / self._step + _ROUNDING) + 1 if distance else 1

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(self._count))]
        if not -self._count <= index < self._count:
            raise IndexError(index)
        value = self._start + self._step * (index % self._count)
        return int(value) if self._whole else float(value)

    def probes(self) -> Sequence[Any]:
        return [self[number] for number in sorted({0, min(1, self._count - 1), self._count - 1})]


class Span(Struct, frozen=True):
    """Numbers from `low` to `high`, both possible; `log`: small ones are as likely as large ones."""

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def draw(self, chance: random.Random) -> float | int:
        """One number by chance."""
        if self.log:
            value = math.exp(chance.uniform(math.log(self.low), math.log(self.high)))
            value = min(max(value, self.low), self.high)
            return round(value) if self.whole else value
        if self.whole:
            return chance.randint(math.ceil(self.low), math.floor(self.high))
        return chance.uniform(self.low, self.high)

    def probes(self) -> Sequence[Any]:
        """Both ends."""
        return [math.ceil(self.low), math.floor(self.high)] if self.whole else [self.low, self.high]


class Variant(Struct, frozen=True):
    """A parameter that varies: `rules` are valohai.yaml's (platform.md 8.2), `kind` is the declared type."""

    name: str
    style: str
    rules: Mapping[str, Any]
    kind: str = "string"

    @property
    def whole(self) -> bool:
        """Whether only integers can be meant."""
        return self.kind == "integer" or bool(self.rules.get("integerify"))

    @property
    def seed(self) -> Any:
        """The seed of its own that the rules give it, None when there is none."""
        return self.rules.get("seed")

    def values(self, chance: random.Random) -> Values:
        """All values in their order. `chance` makes those of style `random`. Raises RuleError."""
        if self.style == "random":
            span = self.span()
            return Listed([span.draw(chance) for _ in range(self._count())])
        return self._written()

    def domain(self) -> Values | Span:
        """What one draw is made from: a span for style `random`, else the values. Raises RuleError."""
        return self.span() if self.style == "random" else self._written()

    def span(self) -> Span:
        """The numbers of style `random`: `uniform`, or `loguniform` (a name of ours: others are unconfirmed)."""
        low, high = self._number("min"), self._number("max")
        kind = str(self.rules.get("distribution") or "uniform").lower().replace("-", "").replace("_", "")
        if kind not in {"uniform", "loguniform"}:
            raise RuleError(f"has the distribution {self.rules['distribution']!r}: known are uniform and loguniform")
        if low > high:
            raise RuleError(f"has a min of {low}, which is more than its max of {high}")
        if kind == "loguniform" and low <= 0:
            raise RuleError(f"is loguniform from {low}: it can only begin above 0")
        if self.whole and math.ceil(low) > math.floor(high):
            raise RuleError(f"has no integer between {low} and {high}")
        return Span(low, high, log=kind == "loguniform", whole=self.whole)

    def _written(self) -> Values:
        if self.style == "single":
            return Listed([self._as_meant(self._rule("value"))])
        if self.style == "multiple":
            items = self._rule("items")
            return Listed([self._as_meant(item) for item in (items if isinstance(items, list) else [items])])
        if self.style == "linear":
            return self._linear()
        if self.style == "logspace":
            return self._logspace()
        raise RuleError(f"has the style {self.style!r}: known are {', '.join(STYLES)}")

    def _linear(self) -> Values:
        start, end = self._number("start"), self._number("end")
        if "step" not in self.rules and "count" in self.rules:
            count = self._count()
            gaps = max(count - 1, 1)
            return Listed([self._as_meant(start + (end - start) * number / gaps) for number in range(count)])
        step = self._number("step") if "step" in self.rules else (1 if end >= start else -1)
        stepped = Stepped(start, end, step)
        return Listed([self._as_meant(value) for value in stepped]) if self.rules.get("integerify") else stepped

    def _logspace(self) -> Values:
        """`start` and `end` are exponents; public text also calls them `min` and `max` (platform.md 8.2)."""
        start = self._number("start" if "start" in self.rules else "min")
        end = self._number("end" if "end" in self.rules else "max")
        base = self._number("base") if "base" in self.rules else BASE
        if base <= 0:
            raise RuleError(f"has the base {base}: it must be more than 0")
        count = self._count()
        exponents = [start + (end - start) * number / max(count - 1, 1) for number in range(count)]
        try:
            return Listed([self._as_meant(float(base) ** exponent) for exponent in exponents])
        except OverflowError:
            raise RuleError(f"has values that are too large: {base} to the power of {max(exponents):g}") from None

    def _as_meant(self, value: Any) -> Any:
        """`numberify` and `integerify` applied (names only; unconfirmed), whole floats as integers for integers."""
        if self.rules.get("numberify") and isinstance(value, str):
            value = _numberified(value)
        if isinstance(value, float) and (self.rules.get("integerify") or (self.whole and value.is_integer())):
            return round(value)
        return value

    def _rule(self, name: str) -> Any:
        if name not in self.rules:
            raise RuleError(f"has the style {self.style}, which needs `{name}` in its rules")
        return self.rules[name]

    def _number(self, name: str) -> float:
        value = self._rule(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise RuleError(f"has the rule {name}: {value!r}, which is not a number")
        return value

    def _count(self) -> int:
        count = self._number("count")
        if count != int(count) or count < 1:
            raise RuleError(f"has the rule count: {count!r}, which is not a whole number above 0")
        return int(count)


def _numberified(text: str) -> Any:
    try:
        value = float(text)
    except ValueError:
        return text
    return int(text) if text.strip().lstrip("+-").isdecimal() else value
