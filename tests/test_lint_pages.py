"""The check of the pages' cells finds faults where they are, and mends what it can."""

import lint_pages

PAGE = """\
# A page

```{code-cell} ipython3
:tags: [remove-input]

import os

x = 1
```

Text with `code`.

```{code-cell} ipython3
---
tags: [hide-input]
mystnb:
  image:
    alt: A picture.
---
y = {'a': x}
y
missing
```

```python
this is not checked
```
"""


def test_faults_have_the_line_of_the_page():
    found = lint_pages.faults(PAGE, "book/fake.ipynb")

    assert [line.split()[:2] for line in found] == [
        ["6:", "F401"],
        ["20:", "the"],  # not formatted
        ["21:", "B018"],  # what a cell ends with may stand alone, what is in its middle may not
        ["22:", "F821"],
    ]


def test_mending_changes_the_cells_and_nothing_else():
    mended = lint_pages.fixed(PAGE, "book/fake.ipynb")

    expected = PAGE.replace("import os\n\n", "").replace("{'a': x}", '{"a": x}')
    assert mended == expected
    assert lint_pages.fixed(mended, "book/fake.ipynb") == mended


def test_a_cell_that_is_no_python_is_reported_and_left_alone():
    broken = PAGE.replace("x = 1", "x = = 1")

    assert lint_pages.fixed(broken, "book/fake.ipynb") == broken
    assert lint_pages.faults(broken, "book/fake.ipynb")[0].startswith("8: ")


def test_lines_are_no_longer_than_in_the_library():
    long = PAGE.replace("x = 1", f"x = '{'a' * 100}'")

    assert any(fault.startswith("8: E501") for fault in lint_pages.faults(long, "book/f.ipynb"))
