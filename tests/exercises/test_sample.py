"""The sample class: made reproducibly, and deserving what it is said to deserve."""

import nbformat
import pytest

from coursekit.checks import HOME_SEED, get, grade, names
from coursekit.grading.author import released, write_notebook
from coursekit.grading.sample import sample_class, write_sample_class

SET = "chern"
SEEDS = ["a secret seed", 20260101]
# Needs the time limit of the sandbox.
ENDLESS = "ivo"


@pytest.fixture(scope="module")
def course(build):
    built = build(SET)
    notebook = nbformat.from_dict(built.notebook)
    for cell in notebook.cells:
        cell.source = released(cell.source, cell.cell_type)
    write_notebook(built.course / "release" / SET / f"{SET}.ipynb", notebook)
    return built.course


@pytest.fixture(scope="module")
def students(course):
    return {student.name: student for student in sample_class(course, SET)}


@pytest.fixture(scope="module")
def notebooks(course):
    paths = write_sample_class(course, SET)
    return {path.parts[-3]: nbformat.read(path, as_version=4) for path in paths}


def namespace(notebook):
    """What a student's cells define; a cell that fails defines nothing."""
    found = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and not cell.metadata.get("nbgrader", {}).get("grade"):
            try:
                exec(cell.source, found)
            except (SyntaxError, UserWarning):
                continue
    return found


def test_twelve_students_each_of_another_kind(students):
    assert len(students) == 12
    assert len({student.what for student in students.values()}) == 12
    assert all(student.reason for student in students.values())


def test_the_class_is_written_again_byte_for_byte(course):
    paths = write_sample_class(course, SET)
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in paths]
    write_sample_class(course, SET)
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in paths] == before
    for path in paths:
        path.unlink()
    assert [path.read_bytes() for path in write_sample_class(course, SET)] == [b for b, _ in before]


def test_submissions_are_edited_releases(notebooks, students, build):
    given = {cell.id: cell for cell in build(SET).notebook.cells}
    for name, notebook in notebooks.items():
        nbformat.validate(notebook)
        student = students[name]
        ids = [cell.id for cell in notebook.cells if not cell.id.startswith("scratch")]
        expected = [] if student.empty else [cell for cell in given if cell not in student.delete]
        assert ids == expected
        for cell in notebook.cells:
            assert "SOLUTION" not in cell.source
            if cell.id in given and given[cell.id].metadata.nbgrader.locked:
                assert cell.source == given[cell.id].source


@pytest.mark.filterwarnings("ignore:mu should be in a gap")
@pytest.mark.parametrize("seed", SEEDS)
def test_declared_scores_are_what_the_code_deserves(seed, notebooks, students):
    for name, notebook in notebooks.items():
        if name == ENDLESS:
            continue
        found = namespace(notebook)
        reports = {
            task: grade(task, found[get(task).function], seed)
            for task in names(SET)
            if get(task).function in found
        }
        text = "\n".join(map(str, reports.values()))
        assert sum(r.points for r in reports.values()) == students[name].score, f"{name}\n{text}"
        for task, mistake in students[name].hints.items():
            (hint,) = (d.hint for d in get(f"{SET}.{task}").diagnoses if d.name == mistake)
            assert reports[f"{SET}.{task}"].diagnoses == (hint,)


@pytest.mark.filterwarnings("ignore:mu should be in a gap")
def test_hard_coded_numbers_are_right_at_home_and_named_elsewhere(notebooks):
    found = namespace(notebooks["gita"])
    for task in ("chern.hall", "chern.streda"):
        assert grade(task, found[get(task).function], HOME_SEED).passed
    for seed in SEEDS:
        (hint,) = grade("chern.hall", found["hall_conductivity"], seed).diagnoses
        assert "self-check at home" in hint


def test_an_unreleased_set_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected a released set"):
        write_sample_class(tmp_path, SET)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("colour = 'red'", r"\[zoe\].*colour"),
        ("answers.spin = 'stub'", "zoe.*names spin"),
        ("delete = ['spin-test']", "zoe.*names spin-test"),
    ],
)
def test_mistakes_in_the_declaration_are_named(course, declared, said):
    path = course / "sample" / SET / "class.toml"
    text = path.read_text(encoding="utf-8")
    try:
        path.write_text(
            f"[zoe]\nwhat = 'x'\nscore = 0\nreason = 'x'\n{declared}\n", encoding="utf-8"
        )
        with pytest.raises(ValueError, match=said):
            write_sample_class(course, SET)
    finally:
        path.write_text(text, encoding="utf-8")
