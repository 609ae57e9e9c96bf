"""Trained networks: their cards, what they reach, how they were trained, and how fast."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import pandas as pd

from denoise_lib.checks import UserError
from denoise_lib.methods.registry import Network
from denoise_lib.plotting import label, with_interval
from denoise_lib.study.side.authors_recipe import AUTHORS, OURS
from denoise_lib.study.side.trainings import FOURFOLD_SHARE, PATCH
from denoise_lib.study.statistics import mean_intervals
from denoise_lib.study.tables.shared import select
from denoise_lib.training.plan import load_plan


def cards(known: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """What is known of each trained network, as text.

    Parameters
    ----------
    known : mapping
        From a name to its card.

    Returns
    -------
    pandas.DataFrame
        Indexed by name; hours are those of the training and of the network that it starts from.
    """
    return pd.DataFrame(
        {
            name: {
                "weights": f"{card['parameters']:,}",
                "starts from": card.get("start") or "random weights",
                "trained on": "{images} images of {dataset}".format(**card["training_data"]),
                "patches": f"{patches(name):,}",
                "hours": f"{hours(card, known):.2f}",
                "command": card["command"],
            }
            for name, card in known.items()
        }
    ).T


def hours(card: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> float:
    """How long a network was trained, the trainings that it starts from included.

    Parameters
    ----------
    card : mapping
        Of the network.
    known : mapping
        From a name to its card.

    Returns
    -------
    float
    """
    start = card.get("start")
    return card["hours"] + (hours(known[start], known) if start else 0)


def patches(name: str) -> int:
    """How much a network has seen in its training, that of its layers included.

    Parameters
    ----------
    name : str
        Of a released network.

    Returns
    -------
    int
        In patches of 40 x 40 pixels.
    """
    return round(load_plan(name).pixels / PATCH)


def quality(rows: Mapping[int, pd.DataFrame], methods: Sequence[str]) -> pd.DataFrame:
    """PSNR with its interval, and SSIM, at several noise levels.

    Parameters
    ----------
    rows : mapping
        From a noise level (0-255) to the rows of its protocol.
    methods : sequence of str
        Which.

    Returns
    -------
    pandas.DataFrame
        Text, indexed by name, the best at the first level first; a column for each level.

    Raises
    ------
    UserError
        When a method was not measured at a level.
    """
    columns = {}
    for sigma, measured in rows.items():
        for method in methods:
            select(measured, method=method)
        chosen = measured[measured["method"].isin(methods)]
        likeness = chosen.groupby("method")["ssim"].mean()
        quality = mean_intervals(chosen).sort_values("mean", ascending=False)
        columns[f"sigma {sigma}"] = {
            label(str(method)): with_interval(row["mean"], (row["low"], row["high"]), 2)
            + f" / {likeness[str(method)]:.3f}"
            for method, row in quality.iterrows()
        }
    return pd.DataFrame(columns).rename_axis("method")


def photographs(rows: Mapping[str, pd.DataFrame], paper: Mapping[str, float]) -> pd.DataFrame:
    """A network on the photographs of its paper, next to the paper's numbers.

    Parameters
    ----------
    rows : mapping
        From a data set to the network's rows.
    paper : mapping
        From a data set to the paper's PSNR (dB).

    Returns
    -------
    pandas.DataFrame
        Indexed by data set.
    """
    table = {}
    for dataset, measured in rows.items():
        found = mean_intervals(measured).iloc[0]
        table[dataset] = {
            "PSNR (dB)": with_interval(found["mean"], (found["low"], found["high"]), 2),
            "the paper": paper[dataset],
        }
    return pd.DataFrame(table).T


def budgets(trainings: pd.DataFrame) -> pd.DataFrame:
    """What each network reaches on validation images with a part of its training, and with all.

    Parameters
    ----------
    trainings : pandas.DataFrame
        The side study of that name.

    Returns
    -------
    pandas.DataFrame
        Indexed by network, the best of the full trainings first. Means over seeds of PSNR (dB) of
        the full training at three noise levels; `gain` and `further`, what four times as many
        patches brought at level 25 (dB), from a quarter to all of them and from all of them on;
        `scatter`, the standard deviation over seeds of the full training (dB); and `minutes` of one
        core, of those that a processor trained.
    """
    _complete(trainings)
    means = trainings.groupby(["network", "share"]).mean(numeric_only=True)
    full = pd.DataFrame(means.xs(1.0, level="share")).sort_values("psnr_25", ascending=False)
    at = {share: means.xs(share, level="share")["psnr_25"] for share in (0.25, FOURFOLD_SHARE)}
    seeds = trainings[trainings["share"] == 1].groupby("network")["psnr_25"]
    table = full[["psnr_15", "psnr_25", "psnr_50", "minutes"]].copy()
    table["gain"] = full["psnr_25"] - at[0.25]
    table["further"] = at[FOURFOLD_SHARE] - full["psnr_25"]
    table["scatter"] = seeds.std()
    return table


def orders(trainings: pd.DataFrame, column: str = "psnr_25") -> pd.DataFrame:
    """Which network is first, second and so on, after each part of the training.

    Parameters
    ----------
    trainings : pandas.DataFrame
        The side study of that name.
    column : str
        By which they are put in order; means over seeds.

    Returns
    -------
    pandas.DataFrame
        Names; a row for each share of the budget, a column for each place.
    """
    _complete(trainings)
    means = trainings.groupby(["share", "network"])[column].mean().unstack()
    order = {
        share: row.sort_values(ascending=False).index.tolist() for share, row in means.iterrows()
    }
    return pd.DataFrame.from_dict(order, orient="index").rename_axis("share")


def _complete(trainings: pd.DataFrame) -> None:
    """Say so where a network was not trained with a share: it has no place in an order."""
    have = set(zip(trainings["network"], trainings["share"], strict=True))
    wanted = product(trainings["network"].unique(), trainings["share"].unique())
    lacking = [
        f"{network} with {share:g} of its patches"
        for network, share in wanted
        if (network, share) not in have
    ]
    if lacking:
        raise UserError(
            f"These trainings were not measured: {', '.join(lacking)}. Run `denoise study run "
            "trainings`."
        )


def budgets_shown(table: pd.DataFrame) -> pd.DataFrame:
    """`budgets` as text.

    Parameters
    ----------
    table : pandas.DataFrame
        What `budgets` returns.

    Returns
    -------
    pandas.DataFrame
        Indexed by the network's name.
    """
    levels = {
        f"sigma {sigma}": table[f"psnr_{sigma}"].map("{:.2f}".format) for sigma in (15, 25, 50)
    }
    return pd.DataFrame(
        {
            **levels,
            "gain over a quarter": table["gain"].map("{:+.2f}".format),
            "gain of four times as many": table["further"].map("{:+.2f}".format),
            "scatter over seeds": table["scatter"].map("{:.2f}".format),
            "core-minutes": table["minutes"].map("{:.0f}".format),
        }
    ).rename(index=label)


def searched(rows: pd.DataFrame) -> pd.DataFrame:
    """What was best in each round of the search for recipes.

    Parameters
    ----------
    rows : pandas.DataFrame
        The side study `search`.

    Returns
    -------
    pandas.DataFrame
        Text: a row for each network, a column for each share of the patches; optimiser, peak rate
        and loss, and the PSNR (dB) that they gave, the mean of the three levels.
    """
    levels = [column for column in rows if str(column).startswith("psnr_")]
    rows = rows.assign(mean=rows[levels].mean(axis=1))
    best = rows.loc[rows.groupby(["network", "share"])["mean"].idxmax()]
    losses = {"l1": "absolute", "mse": "squared", "bce": "cross-entropy"}
    names = {"adam": "Adam", "muon": "Muon"}
    best["shown"] = [
        f"{names[row['optimizer']]} {row['peak']:g}, {losses[row['loss']]}: {row['mean']:.2f}"
        for _, row in best.iterrows()
    ]
    table = best.pivot(index="network", columns="share", values="shown")
    named = {1.0: "all patches", FOURFOLD_SHARE: "four times as many"}
    shares = table.columns.astype(float)
    table.columns = [named.get(share, f"1/{1 / share:.0f} of them") for share in shares]
    return table.loc[rows["network"].unique()].rename(index=label).fillna("")


def against_the_authors(rows: pd.DataFrame) -> pd.DataFrame:
    """Two recipes with the same patches, side by side.

    Parameters
    ----------
    rows : pandas.DataFrame
        The side study `authors_recipe`.

    Returns
    -------
    pandas.DataFrame
        Text, indexed by the number of patches: PSNR (dB) of either way, with its core-minutes where
        a processor trained.
    """
    minutes = rows["minutes"].map(" ({:.0f} min)".format).where(rows["minutes"].notna(), "")
    shown = rows["psnr"].map("{:.2f}".format) + minutes
    table = rows.assign(shown=shown).pivot(index="patches", columns="way", values="shown")
    table.index = table.index.map("{:,}".format)
    return table.rename_axis(None, axis=1)[[OURS, AUTHORS]].fillna("")


def speed(measured: Mapping[str, Any]) -> pd.DataFrame:
    """Speed and memory against other ways.

    Parameters
    ----------
    measured : mapping
        What `make bench` wrote.

    Returns
    -------
    pandas.DataFrame
        Text, indexed by what was measured; ratios.
    """
    step, inference = measured["training"], measured["inference"]
    plain = "the same weights called plainly"
    rows = [
        _ratio("training step, patches/s", "the usual fp32 loop", step["ratio_plain"]),
        _ratio("training step, patches/s", "deepinv's Trainer on its DnCNN", step["ratio_deepinv"]),
        _ratio(
            "arithmetic of a training step",
            "the product of 4096 x 4096 matrices",
            measured["arithmetic"]["share"],
            digits=2,
        ),
    ]
    for side in ("1024", "2048"):
        what, ratios = f"inference, {side} x {side}", inference[side]
        rows.append(_ratio(what, f"{plain} in fp32", ratios["ratio_plain"]))
        rows.append(_ratio(what, "deepinv's DnCNN", ratios["ratio_deepinv"]))
    what, ratio = "peak memory of inference, 4096 x 4096", measured["memory"]["ratio"]
    rows.append(_ratio(what, plain, ratio, digits=3))
    return pd.DataFrame(rows).set_index("what").rename_axis(None)


def in_browser(measured: Mapping[str, Any], side: int) -> pd.DataFrame:
    """Seconds for an image by the page that denoises, and by the library as it comes.

    Parameters
    ----------
    measured : mapping
        What `make bench` wrote.
    side : int
        Of the image, in pixels.

    Returns
    -------
    pandas.DataFrame
        Text, indexed by network; a column for each way and number of threads.
    """
    taken = pd.DataFrame(measured["browser"][str(side)]).T
    return taken.rename(index=lambda name: label(name)).map(lambda value: f"{value:.1f} s")


def _ratio(what: str, against: str, found: float, digits: int = 1) -> dict[str, str]:
    return {"what": what, "against": against, "measured": f"{found:.{digits}f}×"}


def presets(networks: Iterable[Network]) -> pd.DataFrame:
    """The recipes of the chapters.

    Parameters
    ----------
    networks : iterable of Network
        The papers' networks.

    Returns
    -------
    pandas.DataFrame
        Indexed by network and preset.
    """
    return pd.DataFrame(
        {
            (network.name, preset): {
                "steps": recipe.steps,
                "batch": recipe.batch_size,
                "patch": recipe.patch_size,
                "learning rate": recipe.learning_rate,
                "loss": recipe.loss,
            }
            for network in networks
            for preset, recipe in network.recipes.items()
        }
    ).T.rename_axis(["model", "preset"])
