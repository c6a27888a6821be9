"""matplotlib's list of fonts: made once for a machine, and given to every sandbox."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.sandbox import fonts
from autograder.sandbox.kernel import Kernel
from autograder.sandbox.limits import Limits
from autograder.sandbox.namespace_sandbox import NamespaceSandbox


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache of the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    fonts.font_folder.cache_clear()
    yield tmp_path
    fonts.font_folder.cache_clear()


def names_in_a_kernel() -> set[str]:
    code = "import json, matplotlib.font_manager as f; print(json.dumps(f.get_font_names()))"
    with NamespaceSandbox(Limits()) as sandbox, Kernel(sandbox, {}) as kernel:
        return set(json.loads(kernel.execute(code, 60).outputs.cells[0].text))


@pytest.mark.slow
def test_a_sandbox_takes_the_list_that_was_kept() -> None:
    """Each worker would look through all fonts of the machine again, half a second for each of its sandboxes."""
    folder = fonts.font_folder()
    assert folder is not None
    (path,) = folder.iterdir()
    kept = json.loads(path.read_text())
    assert "DejaVu Sans" in {font["name"] for font in kept["ttflist"]}
    kept["ttflist"][0]["name"] = "Kept Sans"
    path.write_text(json.dumps(kept))
    assert "Kept Sans" in names_in_a_kernel()


def test_the_list_is_made_without_settings_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """matplotlib before 3.11 evaluates some of them, and whoever grades may stand in a submission's folder."""
    (tmp_path / "matplotlibrc").write_bytes(b"\xff")  # matplotlib cannot be imported where it reads this
    monkeypatch.chdir(tmp_path)
    assert fonts.font_folder() is not None


@pytest.mark.slow
def test_without_a_cache_a_sandbox_makes_its_own_list(caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account without a home could not grade."""
    (caches / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(caches / "file"))
    assert fonts.font_folder() is None
    assert "DejaVu Sans" in names_in_a_kernel()


def test_new_fonts_of_the_system_are_listed_anew(caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A font that was installed for the course would never be found."""
    made: list[Path] = []

    def make_list(folder: Path) -> None:
        made.append(folder)
        (folder / "fontlist-v1.json").touch()

    monkeypatch.setattr(fonts, "make_list", make_list)
    monkeypatch.setattr(fonts, "FONTCONFIG", caches)
    for installed in (1_000, 1_000, 2_000):
        os.utime(caches, (installed, installed))
        fonts.font_folder.cache_clear()
        fonts.font_folder()
        os.utime(caches, (installed, installed))
    assert len(made) == 2
