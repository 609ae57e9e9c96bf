"""What a file is by its first bytes, whatever its name says."""

from __future__ import annotations

from denoise_lib.formats.dicom_file import looks_like_dicom

PNG, JPEG, TIFF, DICOM = "PNG", "JPEG", "TIFF", "DICOM"

HEAD = 512  # bytes that `kind` and `other` look at

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"II+\0", TIFF),  # BigTIFF
    (b"MM\0+", TIFF),
)

_OTHERS = (
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"8BPS", "a Photoshop file"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL image"),
    (b"\x8aMNG", "an MNG animation"),
    (b"v/1\x01", "an OpenEXR image"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"SIMPLE  =", "a FITS image"),
    (b"NRRD", "an NRRD image"),
    (b"\x7fELF", "a program"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
)


def kind(head: bytes) -> str | None:
    """The format that a file's first bytes say it has.

    Parameters
    ----------
    head : bytes
        The first `HEAD` bytes.

    Returns
    -------
    str or None
        PNG, JPEG, TIFF or DICOM, or None when they say none of these.
    """
    # First: the 128 bytes before DICOM's signature may be anything, the head of a TIFF too.
    if head[128:132] == b"DICM":
        return DICOM
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    return DICOM if looks_like_dicom(head) else None


def other(head: bytes) -> str | None:
    """What a file is that is no image which can be read.

    Parameters
    ----------
    head : bytes
        The first `HEAD` bytes.

    Returns
    -------
    str or None
        "a GIF image", or None when they do not say.
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "a WebP image"
    if head[4:8] == b"ftyp":
        return "an AVIF or HEIC image, or a film"
    for signature, name in _OTHERS:
        if head.startswith(signature):
            return name
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace():
        return "a PNM image"
    return _text(head)


def _text(head: bytes) -> str | None:
    try:
        # Cut within a character perhaps: its bytes are left out.
        text = head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return None
        text = head[: error.start].decode("utf-8", "replace")
    if not all(character.isprintable() or character.isspace() for character in text):
        return None
    start = text.lstrip("\ufeff \t\r\n").lower()
    if "<svg" in start:
        return "an SVG drawing"
    if start.startswith(("<!doctype html", "<html")):
        return "a web page (HTML)"
    return "a text file"
