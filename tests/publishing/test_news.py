"""What changed since a student had their page, and since the last report. No kernel runs."""

from __future__ import annotations

import json
import re

from nbgrader.api import Gradebook
from recorded_class import all_pass, give, record_again
from small_course import NAME, Run

from autograder.course.course import Course
from autograder.grading.class_run import grade_class
from autograder.publishing.feedback.writing import write_feedback

CHANGED = "Changed since you last saw it"
TABLE = f"{CHANGED} Points before and now Question"


def returned(course: Course, student: str = "ada") -> str:
    """What a student reads, once the pages are written."""
    write_feedback(course, NAME)
    page = (course.path("feedback", student, NAME) / f"{NAME}.html").read_text(encoding="utf-8")
    return " ".join(re.sub(r"<[^>]*>", " ", page.split("<body>")[1]).split())


def comment(course: Course, text: str) -> None:
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.find_comment("why", NAME, NAME, "ada").manual_comment = text
        gradebook.db.commit()


def test_a_page_says_what_is_not_as_on_the_page_before(recorded: Course) -> None:
    """A student would have to compare two pages, or never find out."""
    record_again(recorded, all_pass, digest="before anybody saw it")
    record_again(recorded)
    assert CHANGED not in returned(recorded)
    record_again(recorded, all_pass)
    page = returned(recorded)
    assert "5 of 8 points (3 before)" in page
    assert re.search(f"{TABLE} 1 → 3 [\\w ]+ graded again", page)
    assert CHANGED not in returned(recorded, "s00001")


def test_news_stay_until_there_are_others(recorded: Course) -> None:
    """Who did not look in the hour between two runs would never be told."""
    returned(recorded)
    record_again(recorded, all_pass)
    first = returned(recorded)
    assert write_feedback(recorded, NAME).unchanged == ["ada", "s00001"]
    comment(recorded, "Well argued.")
    assert f"{TABLE} 1 → 3" in returned(recorded)
    give(recorded, 2.0)
    give(recorded, 2.0)
    assert f"{TABLE} 1 → 3" in returned(recorded)  # points that are given first are no change
    give(recorded, 1.0)
    second = returned(recorded)
    assert f"{TABLE} 2 → 1 why given by hand" in second
    assert "1 → 3" in first
    assert "1 → 3" not in second


def test_what_is_again_as_it_was_is_no_news(recorded: Course) -> None:
    """A check is voided by mistake, and counts again a minute later."""
    returned(recorded)
    grade_class(recorded, NAME, void=["test_two_numbers"])
    grade_class(recorded, NAME, unvoid=["test_two_numbers"])
    assert CHANGED not in returned(recorded)


def test_the_report_says_what_changed_since_the_last(recorded: Course, run: Run) -> None:
    """The change of one score is not seen among the scores of two hundred."""

    def told() -> list[tuple[str, str, float, float, str]]:
        numbers = json.loads(run("report", NAME, "--json", here=recorded.root)[1])
        return [
            tuple(entry[key] for key in ("student", "cell", "before", "after", "why")) for entry in numbers["changed"]
        ]

    def page() -> str:
        assert run("report", NAME, here=recorded.root)[0] == 0
        return (recorded.root / "reports" / f"{NAME}.html").read_text(encoding="utf-8")

    record_again(recorded, all_pass)
    assert told() == []
    assert "since the last report" not in page()
    grade_class(recorded, NAME, void=["test_like_the_answer_key"])
    news = [("s00001", "test_mean", 1.0, 3.0, "check void")]
    assert told() == told() == news  # to look at numbers is to write no report
    assert re.search(r"s00001</td><td class=\"name\">test_mean</td>.*>1</td>.*>3</td><td>check void</td>", page())
    assert told() == news
    record_again(recorded)
    page()
    assert told() == [("ada", "test_mean", 3.0, 1.0, "check counts again")]
