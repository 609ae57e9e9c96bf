"""Importing this lets an extension import the scripts of `tools/`."""

from __future__ import annotations

import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "tools"

if str(TOOLS) not in sys.path:
    sys.path.append(str(TOOLS))
