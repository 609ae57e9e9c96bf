"""Ctrl-C, SIGTERM, a closed terminal and a time limit end a training between two steps."""

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
    if hasattr(signal, "SIGHUP"):  # not on Windows
        SIGNALS[signal.SIGHUP] = "hangup"

    def __init__(self, max_minutes: float | None = None):
        self._signal: str | None = None
        self._may_break_off = False
        self._deadline = time.monotonic() + 60 * max_minutes if max_minutes is not None else None

    @property
    def reason(self) -> str | None:
        """ "interrupt", "termination", "hangup", "time" or None."""
        if self._signal is None and self._deadline and time.monotonic() > self._deadline:
            return "time"
        return self._signal

    @reason.setter
    def reason(self, value: str) -> None:
        """See `StopRequest`."""
        self._signal = value

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Let signals wait for the end of the step, however many come: then all is saved."""
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread gets signals
            return
        before = {number: signal.getsignal(number) for number in self.SIGNALS}
        if before.get(getattr(signal, "SIGHUP", None)) is signal.SIG_IGN:
            del before[signal.SIGHUP]  # nohup asked for that

        def request(number: int, frame: object) -> None:
            again = self._signal is not None
            self._signal = self._signal or self.SIGNALS[signal.Signals(number)]
            if again and self._may_break_off:
                self._may_break_off = False  # once is enough
                raise KeyboardInterrupt

        for number in before:
            signal.signal(number, request)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def breaking_off(self) -> Iterator[None]:
        """Let a second signal end what stands here, a measurement, without harm to the training."""
        try:
            self._may_break_off = True
            try:
                yield
            finally:
                self._may_break_off = False
        except KeyboardInterrupt:
            self._signal = self._signal or "interrupt"
