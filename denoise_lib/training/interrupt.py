"""Ctrl-C, SIGTERM and a time limit end a training between two steps."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class StopRequest:
    """Why a training should end before its last step, checked after every step.

    Parameters
    ----------
    max_minutes : float, optional
        Allowed time from now on.
    """

    SIGNALS = {signal.SIGINT: "interrupt", signal.SIGTERM: "termination"}

    def __init__(self, max_minutes: float | None = None):
        self._signal: str | None = None
        self._deadline = time.monotonic() + 60 * max_minutes if max_minutes is not None else None

    @property
    def reason(self) -> str | None:
        """ "interrupt", "termination", "time" or None."""
        if self._signal is None and self._deadline and time.monotonic() > self._deadline:
            return "time"
        return self._signal

    @reason.setter
    def reason(self, value: str) -> None:
        """See `StopRequest`."""
        self._signal = value

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Let Ctrl-C and SIGTERM wait for the end of the step; a second one does not wait."""
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread gets signals
            return
        before = {number: signal.getsignal(number) for number in self.SIGNALS}

        def request(number, frame):
            self._signal = self.SIGNALS[signal.Signals(number)]
            for each, handler in before.items():
                signal.signal(each, handler)

        for number in self.SIGNALS:
            signal.signal(number, request)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
