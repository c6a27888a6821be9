"""A term on a JupyterHub, as docs/hub.md tells it: a real hub, its users, and nbgrader's exchange between them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import small_course
from hub import Hub
from small_course import NAME

pytestmark = [pytest.mark.slow, pytest.mark.long]

ROOT = Path(__file__).parents[1]
COURSE = "small_course"


def code_below(page: str, title: str) -> str:
    """The configuration that a page of the docs shows below this line."""
    found = re.search(rf"{re.escape(title)}.*?```python\n(.*?)```", page, re.S)
    assert found is not None, title
    return found[1]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that is configured as docs/hub.md says, with an instructor and two students."""
    folder = tmp_path_factory.mktemp("hub")
    for parent in (folder, *folder.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o055)
    hub = Hub(folder, ["teach", "ada", "alan"])
    page = (ROOT / "docs" / "hub.md").read_text(encoding="utf-8").replace("deep_learning", COURSE)
    (hub.jupyter / "nbgrader_config.py").write_text(code_below(page, "`/etc/jupyter/nbgrader_config.py`"))
    made = small_course.make_course(hub.homes / "teach" / COURSE).root
    shutil.rmtree(made / "submitted")
    config = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8").replace("deep_learning", COURSE)
    (made / "nbgrader_config.py").write_text(config)
    own = hub.homes / "teach" / ".jupyter"
    own.mkdir()
    (own / "nbgrader_config.py").write_text(code_below(page, "`~/.jupyter/nbgrader_config.py`"))
    for user in hub.users:
        hub.own(user)
    with hub:
        for user in hub.users:
            hub.start(user)
        yield hub


def test_a_term_on_a_hub(hub: Hub) -> None:
    """Release, fetch, submit, collect, grade, feedback: a step that fails leaves a course with the work half done."""
    done = hub.run("teach", f"cd {COURSE} && autograder release {NAME} --no-validate")
    assert done.returncode == 0, done.stderr
    formgrader = f"user/teach/formgrader/api/assignment/{NAME}"
    assert hub.ask("POST", f"{formgrader}/release")["success"]

    asked = {"course_id": COURSE, "assignment_id": NAME}
    for student, answer in [("ada", None), ("alan", "def mean(a):\n    return 2 * np.mean(a)")]:
        assert hub.ask("POST", f"user/{student}/assignments/fetch", asked)["success"]
        home = hub.homes / student
        fetched = next(path for path in home.rglob(f"{NAME}.ipynb"))
        solved = small_course.submission() if answer is None else small_course.submission(mean=answer)
        nbformat.write(solved, fetched)
        assert hub.ask("POST", f"user/{student}/assignments/submit", asked)["success"]

    assert hub.ask("POST", f"{formgrader}/collect")["success"]
    graded = hub.run("teach", f"cd {COURSE} && autograder grade {NAME} && autograder feedback {NAME}")
    assert graded.returncode in (0, 1), graded.stderr
    assert "ada" in graded.stdout
    assert hub.ask("POST", f"{formgrader}/release_feedback")["success"]
    for student, marks in [("ada", "✓"), ("alan", "✗")]:
        assert hub.ask("POST", f"user/{student}/assignments/fetch_feedback", asked)["success"]
        (page,) = (hub.homes / student).rglob("feedback/**/*.html")
        assert marks in page.read_text(encoding="utf-8")


def test_formgrader_s_button_grades_in_the_sandbox(hub: Hub) -> None:
    """The button in an instructor's own server must run the checks that the command runs."""
    said = hub.ask("POST", f"user/teach/formgrader/api/submission/{NAME}/ada/autograde")
    assert said["success"], said


def test_students_see_neither_the_course_nor_each_other(hub: Hub) -> None:
    """Tests and answers lie in the instructor's home, and students' work in theirs."""
    for path in (f"/home/teach/{COURSE}", "/home/alan", f"/srv/exchange/{COURSE}/inbound"):
        done = hub.run("ada", f"ls {path}")
        assert done.returncode != 0
        assert "Permission denied" in done.stderr
