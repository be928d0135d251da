"""What models print while a process works, as it stands: kept until the event of the work seals it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

LONGEST = 2**16
"""Characters that are kept of one task: the first half, and the last."""


@dataclass
class _Kept:
    first: list[str] = field(default_factory=list)
    last: deque[str] = field(default_factory=deque)
    size: int = 0  # of the first lines
    rest: int = 0  # of the last ones
    left_out: int = 0  # lines between them

    def add(self, line: str) -> None:
        if not self.last and self.size + len(line) < LONGEST // 2:
            self.first.append(line)
            self.size += len(line) + 1
            return
        self.last.append(line)
        self.rest += len(line) + 1
        while self.rest > LONGEST // 2 and len(self.last) > 1:
            self.rest -= len(self.last.popleft()) + 1
            self.left_out += 1

    def text(self) -> str:
        between = [f"(... {self.left_out:,} lines are left out ...)"] if self.left_out else []
        return "\n".join([*self.first, *between, *self.last])


class Printed:
    """Lines by model. Workers' output is read by threads of their own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: dict[str, _Kept] = {}

    def add(self, model: str, line: str) -> None:
        """Keeps a line that a worker of a model printed."""
        with self._lock:
            self._models.setdefault(model, _Kept()).add(line)

    def text(self, model: str) -> str:
        """What was printed since it was forgotten; empty for nothing."""
        with self._lock:
            kept = self._models.get(model)
            return kept.text() if kept else ""

    def forget(self, model: str) -> None:
        """The next task begins."""
        with self._lock:
            self._models.pop(model, None)
