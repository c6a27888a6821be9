"""``autograder pdf`` from outside: files, messages, exit codes."""

import json
import shutil

import pytest
from click.testing import CliRunner
from pdf_notebooks import code, display, encoded, homework, markdown, picture, save
from pdf_reading import needs_poppler, pages, text

from autograder.publishing.pdf import batch
from autograder.publishing.pdf.pdf_command import pdf

pytestmark = needs_poppler


def run(*arguments):
    return CliRunner().invoke(pdf, [*map(str, arguments), "--jobs", "1"])


@pytest.fixture
def course(tmp_path):
    """Three submissions and the release they came from."""
    save(tmp_path / "release/hw/hw.ipynb", *homework())
    (tmp_path / "release/hw/helper.py").write_text("released = 1\n")
    for number, student in enumerate(["alice", "bob", "carol"]):
        save(
            tmp_path / f"submitted/{student}/hw/hw.ipynb",
            *homework(answer_lines=number, first=student.upper()),
        )
        (tmp_path / f"submitted/{student}/hw/helper.py").write_text("released = 1\n")
    return tmp_path


def test_one_notebook_beside_itself(tmp_path):
    path = save(tmp_path / "hw.ipynb", *homework())
    result = run(path)
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'hw.pdf'}\n")
    assert "def linear" in text(tmp_path / "hw.pdf")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["hw.ipynb", "hw.pdf"]


def test_a_class_in_one_folder(course):
    (course / "submitted/bob/hw/helper.py").write_text("changed = 2\n")
    (course / "submitted/bob/hw/own.py").write_text("own = 3\n")
    (course / "secret.py").write_text("secret = 4\n")
    (course / "submitted/bob/hw/link.py").symlink_to(course / "secret.py")
    result = run(*sorted(course.glob("submitted/*/hw")), "-o", course / "pdfs")
    assert result.exit_code == 0, result.output
    assert sorted(file.name for file in (course / "pdfs").iterdir()) == ["alice.pdf", "bob.pdf", "carol.pdf"]
    bob = text(course / "pdfs/bob.pdf")
    assert "hw · bob" in bob
    assert "1 changed = 2" in bob
    assert "1 own = 3" in bob
    assert "secret" not in bob
    assert "released" not in text(course / "pdfs/alice.pdf")


def test_the_graded_notebook_is_taken_where_there_is_one(course):
    save(course / "autograded/bob/hw/hw.ipynb", *homework(), markdown("FROM-THE-GRADER"))
    run(course / "submitted/bob/hw", "-o", course / "bob.pdf")
    assert "FROM-THE-GRADER" in text(course / "bob.pdf")


def test_the_graded_notebook_is_taken_where_it_was_handed_in_under_another_name(course):
    """A student would get back a PDF without the outputs and points that the grader gave."""
    handed_in = course / "submitted/bob/hw/my work.ipynb"
    (course / "submitted/bob/hw/hw.ipynb").rename(handed_in)
    save(course / "autograded/bob/hw/hw.ipynb", *homework(), markdown("FROM-THE-GRADER"))
    for given in (handed_in.parent, handed_in):
        run(given, "-o", course / "bob.pdf")
        assert "FROM-THE-GRADER" in text(course / "bob.pdf"), given
        (course / "bob.pdf").unlink()


@pytest.mark.parametrize("others", [["submitted/bob/hw/draft.ipynb"], ["autograded/bob/hw/part2.ipynb"]])
def test_no_graded_notebook_is_guessed_where_there_are_several(course, others):
    """A draft would be shown with the answers and points of another notebook."""
    handed_in = course / "submitted/bob/hw/my work.ipynb"
    (course / "submitted/bob/hw/hw.ipynb").rename(handed_in)
    for path in ("autograded/bob/hw/hw.ipynb", *others):
        save(course / path, *homework(), markdown("FROM-ANOTHER"))
    run(handed_in, "-o", course / "bob.pdf")
    assert "BOB functions" in text(course / "bob.pdf")
    assert "FROM-ANOTHER" not in text(course / "bob.pdf")


def test_anonymous_pages_and_files(course):
    run(*sorted(course.glob("submitted/*/hw")), "-o", course / "pdfs", "--anonymous")
    files = sorted((course / "pdfs").iterdir())
    assert [file.name for file in files] == ["submission-001.pdf", "submission-002.pdf", "submission-003.pdf"]
    for file in files:
        assert "hw · anonymous" in text(file)
        for student in (b"alice", b"bob", b"carol"):
            assert student not in file.read_bytes()


def test_fixed_layout_for_a_class(course):
    save(course / "submitted/bob/hw/hw.ipynb", *homework(answer_lines=200))
    result = run(*sorted(course.glob("submitted/*/hw")), "-o", course / "pdfs", "--layout", "fixed")
    assert result.exit_code == 1
    assert "bob.pdf: question 1 is longer than its pages" in result.stderr
    for student in ("alice", "bob", "carol"):
        assert "Question 2 · " in pages(course / f"pdfs/{student}.pdf")[5]


def test_cells_that_did_not_run_are_reported(tmp_path):
    path = save(tmp_path / "hw.ipynb", code("a", count=2), code("b", count=1), code("c", count=None))
    result = run(path)
    assert "Not run since the notebook was opened: cell 3." in result.stderr
    assert "Run in another order than they stand: cell 2." in result.stderr
    assert "Not run since" in text(tmp_path / "hw.pdf")


@pytest.mark.parametrize("content", ["", "not json", "[]", '{"cells": 3}', "[" * 100_000, '{"cells": [], "cel'])
def test_a_file_that_is_no_notebook_gives_its_text(tmp_path, content):
    path = tmp_path / "hw.ipynb"
    path.write_text(content)
    result = run(path)
    assert result.exit_code == 1
    assert "not a notebook" in result.stderr
    assert "not a notebook" in text(tmp_path / "hw.pdf")


def test_one_bad_submission_stops_no_other(course):
    (course / "submitted/bob/hw/hw.ipynb").write_text("{")
    result = run(*sorted(course.glob("submitted/*/hw")), "-o", course / "pdfs")
    assert result.exit_code == 1
    assert "3 PDFs" in result.stdout
    assert "1 to look at" in result.stdout


def nothing(folder):
    (folder / "hw.ipynb").unlink()


def two_of_which_none_is_meant(folder):
    (folder / "hw.ipynb").rename(folder / "one.ipynb")
    save(folder / "other.ipynb", *homework())


def a_folder_named_like_a_notebook(folder):
    (folder / "hw.ipynb").unlink()
    (folder / "hw.ipynb").mkdir()


def a_link_to_nowhere(folder):
    (folder / "hw.ipynb").unlink()
    (folder / "hw.ipynb").symlink_to("none.ipynb")


NONE_TO_EXPORT = [nothing, two_of_which_none_is_meant, a_folder_named_like_a_notebook, a_link_to_nowhere]


@pytest.mark.parametrize("layout", ["flow", "fixed"])
@pytest.mark.parametrize("spoil", NONE_TO_EXPORT)
def test_one_folder_without_a_notebook_to_export_stops_no_other(course, spoil, layout):
    """Nobody of the class would have a PDF because one student handed in nothing, or too much."""
    spoil(course / "submitted/bob/hw")
    result = run(*sorted(course.glob("submitted/*/hw")), "-o", course / "pdfs", "--layout", layout)
    assert result.exit_code == 1, result.output
    count = "2 notebooks" if spoil is two_of_which_none_is_meant else "no notebook"
    assert f"bob.pdf: no PDF: {course}/submitted/bob/hw has {count}: name the one to export." in result.stderr
    assert result.stdout == f"2 PDFs in {course / 'pdfs'}; 1 to look at (see above)\n"
    assert sorted(file.name for file in (course / "pdfs").iterdir()) == ["alice.pdf", "carol.pdf"]


@pytest.mark.parametrize("spoil", NONE_TO_EXPORT)
def test_a_single_folder_without_a_notebook_to_export_is_wrong_use(course, spoil, run):
    """Whoever named the wrong folder would be told of a PDF to look at."""
    spoil(course / "submitted/bob/hw")
    ended, _, told = run("pdf", course / "submitted/bob/hw")
    assert ended == 2
    assert "submitted/bob/hw has " in told
    assert "name the one to export" in told


def test_a_path_that_is_not_there_is_wrong_use_in_a_class_too(course, run):
    """A mistyped path would be looked for among the students' mistakes."""
    ended, _, told = run("pdf", course / "submitted/alice/hw", course / "submitted/bbo/hw", "-o", course / "pdfs")
    assert ended == 2
    assert "bbo/hw is neither a notebook nor a folder with one" in told
    assert not (course / "pdfs").exists()


def test_a_link_to_nowhere_among_notebooks_stops_no_other(course):
    """Nobody of the class would have a PDF because of a link that one student handed in."""
    a_link_to_nowhere(course / "submitted/bob/hw")
    result = run(*sorted(course.glob("submitted/*/hw/*.ipynb")), "-o", course / "pdfs")
    assert result.exit_code == 1, result.output
    assert "bob.pdf: no PDF: " in result.stderr
    assert sorted(file.name for file in (course / "pdfs").iterdir()) == ["alice.pdf", "carol.pdf"]


def test_nobodys_name_is_told_where_a_folder_has_no_notebook(course):
    """Whoever grades blind would read there who handed in nothing."""
    nothing(course / "submitted/bob/hw")
    result = run(*sorted(course.glob("submitted/*/hw")), "-o", course / "pdfs", "--anonymous")
    assert result.exit_code == 1, result.output
    assert "no PDF: the submission has no notebook" in result.stderr
    assert len(list((course / "pdfs").iterdir())) == 2
    assert not any(student in result.output + result.stderr for student in ("alice", "bob", "carol"))


def test_nobodys_name_is_on_the_screen_with_anonymous(course):
    """Whoever grades blind would read there whose answer is too long."""
    save(course / "submitted/bob/hw/hw.ipynb", *homework(answer_lines=200))
    result = run(*sorted(course.glob("submitted/*/hw")), "-o", course / "pdfs", "--layout", "fixed", "--anonymous")
    assert "question 1 is longer than its pages" in result.stderr
    assert not any(student in result.output + result.stderr for student in ("alice", "bob", "carol"))


def test_a_notebook_that_ends_its_process_gets_a_plain_pdf(course, monkeypatch):
    monkeypatch.setattr(batch, "try_export", crash_for_bob)
    result = run(*sorted(course.glob("submitted/*/hw")), "-o", course / "pdfs")
    assert result.exit_code == 1
    assert "bob.pdf: shown as plain text: drawing it crashed" in result.stderr
    assert "def quadratic" in text(course / "pdfs/bob.pdf")
    assert "Question 1" in text(course / "pdfs/carol.pdf")


_export = batch.try_export


def crash_for_bob(numbered):
    if numbered[1][0].student == "bob":
        import os

        os.abort()
    return _export(numbered)


def test_links_out_of_a_submission_are_not_followed(course):
    link = course / "submitted/bob/hw/hw.ipynb"
    link.unlink()
    link.symlink_to(course / "submitted/alice/hw/hw.ipynb")
    result = run(course / "submitted/bob/hw", "-o", course / "bob.pdf")
    assert result.exit_code == 1
    assert not (course / "bob.pdf").exists() or "ALICE" not in text(course / "bob.pdf")


def test_a_link_in_the_place_of_the_pdf_is_replaced(course):
    other = course / "other.txt"
    other.write_text("another's")
    folder = course / "submitted/bob/hw"
    for name in ("bob.pdf", ".bob.pdf.part"):
        (folder / name).symlink_to(other)
    assert run(folder).exit_code == 0
    assert other.read_text() == "another's"
    assert not (folder / "bob.pdf").is_symlink()
    assert "BOB functions" in text(folder / "bob.pdf")
    assert not (folder / ".bob.pdf.part").is_symlink()


def test_nothing_that_a_student_wrote_reaches_the_terminal_as_a_command(tmp_path):
    path = save(tmp_path / "hw.ipynb", markdown("$\\oops\x1b]0;pwned\x07{$"), markdown("![x](\x1b[2Jnone.png)"))
    told = run(path).stderr
    assert "LaTeX not understood" in told
    assert not set(told) & {"\x1b", "\x07", "\x9b"}, told


def test_wrong_use_is_reported_in_one_sentence(tmp_path, run):
    path = save(tmp_path / "hw.ipynb", *homework())
    for arguments, sentence in [
        ([tmp_path / "none.ipynb"], "is neither a notebook nor a folder with one"),
        ([path, path, "-o", "one.pdf"], "2 notebooks do not go into one file: give a folder to -o."),
        ([path, "--layout", "fixed"], "The fixed layout takes its pages from the release"),
        ([path, "--layout", "fixed", "--release", tmp_path / "none.ipynb"], "cannot be read"),
        ([path, "--layout", "other"], "is not one of"),
    ]:
        ended, said, told = run("pdf", *arguments)
        assert ended == 2, said + told
        assert sentence in told
        assert "Traceback" not in said + told


@pytest.mark.parametrize("output", ["taken/x.pdf", "taken/folder", "taken", "/proc/x.pdf"])
def test_a_place_that_cannot_be_written_to_is_reported_in_one_sentence(tmp_path, run, output):
    """An instructor would read an exception's name, once for each student, and be told to look at the PDFs."""
    path = save(tmp_path / "hw.ipynb", *homework())
    (tmp_path / "taken").write_text("a file, not a folder")
    place = tmp_path / output
    ended, said, told = run("pdf", path, "-o", place)
    assert ended == 2, said + told
    folder = place.parent if place.suffix else place
    assert f"No PDF can be written into {folder} (" in told
    assert "give another place with -o" in told
    assert "Errno" not in said + told


def test_one_folder_that_cannot_be_written_to_stops_no_other(course):
    """Nobody of the class would have a PDF because something lies in the place of one."""
    (course / "submitted/bob/hw/bob.pdf").mkdir()
    result = run(*sorted(course.glob("submitted/*/hw")))
    assert result.exit_code == 1, result.output
    assert "bob.pdf: no PDF: " in result.stderr
    assert (course / "submitted/alice/hw/alice.pdf").is_file()
    assert (course / "submitted/carol/hw/carol.pdf").is_file()


def test_help_has_examples():
    result = run("--help")
    assert "autograder pdf submitted/*/softmax -o pdfs/ --layout fixed" in result.output


def test_the_same_bytes_twice(tmp_path):
    cells = [*homework(), code("plot()", display(image_png=encoded(picture()), text_plain="<Figure>"))]
    path = save(tmp_path / "hw.ipynb", *cells)
    run(path, "-o", tmp_path / "a.pdf")
    run(path, "-o", tmp_path / "b.pdf")
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


def test_the_nbconvert_exporter(tmp_path):
    import nbformat

    from autograder.publishing.pdf.exporter import TypstPDFExporter

    shutil.copy(save(tmp_path / "hw.ipynb", *homework()), tmp_path / "copy.ipynb")
    (tmp_path / "local.png").write_bytes(picture())
    data = json.loads((tmp_path / "hw.ipynb").read_text())
    data["cells"].append(markdown("![a local picture](local.png)"))
    (tmp_path / "hw.ipynb").write_text(json.dumps(data))
    content, resources = TypstPDFExporter().from_filename(str(tmp_path / "hw.ipynb"))
    (tmp_path / "out.pdf").write_bytes(content)
    assert resources["output_extension"] == ".pdf"
    assert "def linear" in text(tmp_path / "out.pdf")
    assert b"/Subtype /Image" in content or b"/Subtype/Image" in content
    old = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("by itself")])
    assert TypstPDFExporter(paper="a4").from_notebook_node(old)[0].startswith(b"%PDF")
