"""`folder:PATH` says what it leaves out, and takes nobody's patients apart."""

import io
import os
import warnings
from pathlib import Path

import pytest
from PIL import Image

from denoise_lib.checks import UserError
from denoise_lib.data import load_dataset

SPLITS = ("train", "val", "test")


def png(side: int = 8) -> bytes:
    content = io.BytesIO()
    Image.radial_gradient("L").resize((side, side)).save(content, "PNG")
    return content.getvalue()


def put(root: Path, *names: str, content: bytes | None = None) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(png() if content is None else content)
    return root


def loaded(root: Path, **options):
    """The ids of all splits, and what was warned of."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        dataset = load_dataset(f"folder:{root}", **options)
    ids = sorted(id for split in SPLITS for id in dataset[split].ids)
    return dataset, ids, " ".join(str(each.message) for each in said)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("Train", "VAL", "Test"), [1, 1, 1]),
        (("training", "Valid", "TESTING"), [1, 1, 1]),
        (("TRAIN", "Validation"), [1, 1, 0]),
    ],
)
def test_splits_are_known_by_any_of_their_names(tmp_path, names, expected):
    put(tmp_path, *(f"{name}/p1/a.png" for name in names))

    dataset, ids, _ = loaded(tmp_path)

    assert [len(dataset[split]) for split in SPLITS] == expected
    assert ids == sorted(f"{name}/p1/a.png" for name in names)


def test_an_export_without_suffixes_is_read_by_its_content(tmp_path):
    put(tmp_path, "p1/IM000001", "p1/x.IMA", "p1/y.png")
    put(tmp_path, "p1/SERIES.1", content=bytes(128) + b"DICM")
    put(tmp_path, "p1/old", content=b"\x08\x00\x05\x00\x0a\x00\x00\x00ISO_IR 100")
    put(tmp_path, "p1/old2", content=b"\x08\x00\x16\x00UI\x0a\x00")
    put(tmp_path, "p1/z.dcm", content=b"taken by its name")
    put(tmp_path, "DICOMDIR", content=bytes(128) + b"DICM")
    put(tmp_path, "notes.txt", "p1/archive.zip", content=b"PK\x03\x04")

    dataset, ids, said = loaded(tmp_path, val=0, test=0)

    names = ("IM000001", "SERIES.1", "old", "old2", "x.IMA", "y.png", "z.dcm")
    assert ids == [f"p1/{name}" for name in names]
    assert dataset.train[0].image.shape == (1, 8, 8)
    assert "2 that are no PNG, JPEG, TIFF or DICOM (notes.txt, p1/archive.zip)" in said
    assert "1 list of an export's files (DICOMDIR)" in said


def test_of_many_skipped_files_a_few_are_named(tmp_path):
    put(tmp_path, "a.png")
    put(tmp_path, *(f"{index}.txt" for index in range(9)), content=b"text")

    _, ids, said = loaded(tmp_path)

    assert ids == ["a.png"]
    assert "9 that are no PNG, JPEG, TIFF or DICOM (0.txt, 1.txt, 2.txt, 3.txt, 4.txt, ...)" in said


def test_links_are_followed_once_and_never_in_circles(tmp_path):
    put(tmp_path, "elsewhere/p2/a.png", "mine/p1/b.png")
    mine = tmp_path / "mine"
    for name, target in {"p2": "../elsewhere/p2", "a1": "p1", "up": "..", "me": "."}.items():
        (mine / name).symlink_to(target)
    (mine / "gone.png").symlink_to("nowhere.png")

    _, ids, said = loaded(mine)

    assert ids == ["p1/b.png", "p2/a.png"]
    assert "2 links to a folder that is read already (a1, me)" in said
    assert "1 links to a folder above it (up)" in said
    assert "1 links to nothing (gone.png)" in said


def test_a_folder_that_cannot_be_opened_is_named(tmp_path, monkeypatch):
    put(tmp_path, "p1/a.png", "p2/b.png")
    whole = Path.iterdir

    def closed(self):
        if self.name == "p2":
            raise PermissionError(13, "Permission denied")
        return whole(self)

    monkeypatch.setattr(Path, "iterdir", closed)

    _, ids, said = loaded(tmp_path)

    assert ids == ["p1/a.png"]
    assert "1 folders that cannot be opened (Permission denied) (p2)" in said


def test_an_empty_split_is_said(tmp_path):
    _, _, said = loaded(put(tmp_path, "one/a.png"), val=0.5, test=0.49)

    assert "images: put images into sub-folders train, val and test" in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"val": float("nan")}, "val must be a share from 0 to below 1, not nan"),
        ({"test": float("nan")}, "test must be a share from 0 to below 1, not nan"),
        ({"val": 1}, "val must be"),
        ({"test": -0.1}, "test must be"),
        ({"test": "0.2"}, "test must be"),
        ({"val": 0.5, "test": 0.5}, "leave nothing to train on"),
        ({"size": "256"}, "size must be a whole number of pixels from 1 to 16384, not '256'"),
        ({"size": 1e6}, "size must be"),
        ({"size": 10**6}, "size must be"),
        ({"size": 0}, "size must be"),
        ({"size": -1}, "size must be"),
        ({"size": True}, "size must be"),
        ({"sise": 1}, "has no option 'sise': it has size, val, test"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(tmp_path, options, message):
    put(tmp_path, "a.png")

    with pytest.raises(UserError, match=message):
        load_dataset(f"folder:{tmp_path}", **options)


@pytest.mark.parametrize("name", [None, 5, Path("chest-drr"), b"chest-drr"])
def test_a_data_set_is_asked_for_by_its_name(name):
    with pytest.raises(UserError, match="asked for by a name, not by .* in quotes"):
        load_dataset(name)


def test_a_home_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="no home of ~nobodyhere"):
        load_dataset("folder:~nobodyhere/images")


def test_a_split_and_an_item_that_are_not_there_are_named():
    dataset = load_dataset("chest-drr")

    for split in ("nope", "", "TEST", "name"):
        with pytest.raises(UserError, match=f"Unknown split '{split}'; choose one of: train, val"):
            dataset[split]
    for index in (160, -161):
        with pytest.raises(IndexError, match=f"no item {index} among the 160"):
            dataset.train[index]
    assert dataset.train[-1].id == dataset.train[159].id


def test_names_that_are_no_utf8_become_text(tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(folder)
    with open(folder + b"/a\xfe.png", "wb") as file:
        file.write(png())

    dataset, ids, _ = loaded(tmp_path, val=0, test=0)

    assert ids == [r"\xff/a\xfe.png"]
    assert dataset.train[0].id.encode() and dataset.train.groups == {r"\xff"}


def test_two_spellings_of_one_name_are_refused(tmp_path):
    put(tmp_path, "e\u0301.png", "\u00e9.png")
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this file system knows one spelling only")

    with pytest.raises(UserError, match="rename one"):
        load_dataset(f"folder:{tmp_path}")


def test_differing_sizes_say_how_to_make_them_one(tmp_path):
    put(tmp_path, "a.png")
    put(tmp_path, "b.png", content=png(9))
    options = {"val": 0, "test": 0}

    with pytest.raises(UserError, match=r"size = 256 under \[data\].*--size 256.*size=256"):
        loaded(tmp_path, **options)[0].train.images()
    assert loaded(tmp_path, size=4, **options)[0].train.images().shape == (2, 1, 4, 4)
