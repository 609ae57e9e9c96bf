"""Figures and tables of the book, in colours that colour-blind readers can tell apart."""

from denoise_lib.plotting.panels import comparison_panel, show_images
from denoise_lib.plotting.scores import score_table, with_interval
from denoise_lib.plotting.style import (
    METRIC_LABELS,
    NOTHING_RANGE,
    RESIDUAL_RANGE,
    colour_and_marker,
    label,
    look,
)

__all__ = [
    "METRIC_LABELS",
    "NOTHING_RANGE",
    "RESIDUAL_RANGE",
    "colour_and_marker",
    "comparison_panel",
    "label",
    "look",
    "with_interval",
    "score_table",
    "show_images",
]
