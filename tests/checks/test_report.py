"""The table that a student reads."""

from html.parser import HTMLParser

import pytest

from coursekit.checks import PartResult, Report

NASTY = "<script>alert('x')</script>&\"'"


@pytest.fixture
def report():
    right = PartResult("easy", 2, 2)
    wrong = PartResult(
        f"hard {NASTY}", 1, 0, f"off by 2 {NASTY}", f"3 {NASTY}", f"1 {NASTY}", f"n = {NASTY}"
    )
    return Report("set.task", (right, wrong), (f"Try again. {NASTY}",))


def test_points_are_summed(report):
    assert (report.points, report.max_points, report.passed) == (2, 3, False)
    assert Report("set.task", (PartResult("easy", 2, 2),)).passed


def test_plain_text_has_everything_in_its_place(report):
    lines = str(report).split("\n")
    assert lines[0] == "set.task: 2 of 3 points"
    assert lines[1].startswith("hint: Try again.")
    assert lines[2].split() == ["✓", "easy", "2/2"]
    assert [line.split()[0] for line in lines[4:]] == ["input:", "got:", "expected:", "off"]
    assert repr(report) == str(report)


def test_one_point_is_not_points():
    assert str(Report("set.task", (PartResult("easy", 1, 1),))).startswith(
        "set.task: 1 of 1 point\n"
    )


class _Strict(HTMLParser):
    """Collects tags and text; fails on a tag that is closed out of order."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text = [], set(), []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_html_is_well_formed_and_escaped(report):
    parser = _Strict()
    parser.feed(report._repr_html_())
    assert parser.open == []
    assert "script" not in parser.tags
    text = "".join(parser.text)
    assert text.count(NASTY) == 6  # part, message, got, expected, input and hint, as text
    for expected in ("set.task", "2 of 3 points", "2 / 2", "0 / 1", "Hint."):
        assert expected in text


def test_html_brings_no_colours_that_vanish_in_a_dark_theme(report):
    html = report._repr_html_()
    assert "color:inherit" in html
    assert not {"black", "white", "#000", "#fff"} & set(html.replace(";", " ").split())


def test_marks_have_names_for_screen_readers(report):
    html = report._repr_html_()
    assert 'aria-label="right"' in html
    assert 'aria-label="wrong"' in html


def test_long_values_do_not_widen_the_page(report):
    assert "overflow-wrap:anywhere" in report._repr_html_()
