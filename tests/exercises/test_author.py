"""From MyST text to nbgrader's source: what is made, and every mistake that is refused."""

import shutil

import nbformat
import numpy as np
import pytest

from coursekit.checks import Check, Part, Tolerance, get, grade, names, set_names
from coursekit.grading.author import AuthorError, build_source, released

SET = "chern"


@pytest.fixture
def course(tmp_path, build):
    shutil.copytree(build(SET).course / "authored", tmp_path / "authored")
    return tmp_path


@pytest.mark.parametrize("set_name", set_names())
def test_points_come_from_the_checks(set_name, build):
    built = build(set_name)
    tests = {cell.metadata.nbgrader.grade_id: cell for cell in built.cells("test")}
    for task in names(set_name):
        cell = tests[f"{task.partition('.')[2]}-test"]
        assert cell.metadata.nbgrader.points == get(task).points
        assert cell.source == f'ck.check("{task}", {get(task).function})'


@pytest.mark.parametrize("set_name", set_names())
def test_cells_are_known_by_stable_names_and_locked(set_name, build):
    for cell in build(set_name).notebook.cells:
        meta = cell.metadata.nbgrader
        assert cell.id == meta.grade_id
        assert meta.schema_version == 3
        assert meta.locked is not meta.solution
        assert meta.task is False
        assert ("points" in meta) is meta.grade


@pytest.mark.parametrize("set_name", set_names())
def test_building_again_gives_the_same_bytes_and_leaves_the_file_alone(set_name, build):
    course = build(set_name).course
    path = course / "source" / set_name / f"{set_name}.ipynb"
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert build_source(course, set_name) == path
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    path.unlink()
    build_source(course, set_name)
    assert path.read_bytes() == before[0]


@pytest.mark.parametrize("set_name", set_names())
def test_our_idea_of_the_release_is_nbgraders(set_name, build):
    preprocessors = pytest.importorskip("nbgrader.preprocessors")
    notebook = build(set_name).notebook
    cleared, _ = preprocessors.ClearSolutions().preprocess(nbformat.from_dict(notebook), {})
    for ours, theirs in zip(notebook.cells, cleared.cells, strict=True):
        assert released(ours.source, ours.cell_type) == theirs.source
        assert "SOLUTION" not in theirs.source


def change(course, old, new, count=1):
    path = course / "authored" / SET / f"{SET}.md"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, count), encoding="utf-8")


FLUX_TEST = """```{code-cell} ipython3
:task: chern.flux
:role: test

ck.check("chern.flux", plaquette_flux)
```
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("### BEGIN SOLUTION", "### BEGIN SOLUTOIN", r"chern\.md, cell 4 .*mark the solution"),
        ("### END SOLUTION", "### END  SOLUTION", r"cell 4 .*mark the solution"),
        ("### END SOLUTION\n", "", r"cell 4 .*mark the solution"),
        ("def anomalous_velocity(omega, E)", "def velocity(omega, E)", r"cell 4 .*students get"),
        ("def anomalous_velocity(omega, E)", "def anomalous_velocity(E)", r"cell 4 .*students get"),
        ("def anomalous_velocity(omega, E):", "def anomalous_velocity(omega, E)", "not Python"),
        (FLUX_TEST, "", r"test cells of .*expected one of each check in its order"),
        (FLUX_TEST, FLUX_TEST * 2, r"cell 9 .*two test cells"),
        (":task: chern.flux", ":task: chern.fluxes", "expected one of each check"),
        (":task: chern.flux", ":task: other.flux", r"expected one of set 'chern'"),
        (":role: test", ":role: tset", r"cell 5 .*role 'tset'"),
        (":role: test\n", "", r"cell 5 .*role ''"),
        (":role: test", ":role: manual", r"cell 5 .*role 'manual'"),
        (":role: test", ":role: test\n:points: 3", r"cell 5 .*points 3"),
        (":role: test", ":role: test\n:tags: [hide]", r"cell 5 .*metadata \['tags'\]"),
        ('"points": 4', '"points": 0', "points 0"),
        ('ck.check("chern.flux", plaquette_flux)', "print(1)", r"cell 8 .*not the one line"),
        ("*2 points, 10 minutes.*", "*3 points, 10 minutes.*", r"cell 3 .*says \['3'\] points"),
        ("*2 points, 10 minutes.*", "", r"cell 3 .*says no points"),
        (
            "import numpy as np\n",
            "import numpy as np\n# q = -1, so v = +E × Ω, and E × ẑ = (E_y, -E_x).\n",
            r"cell 4 .*stands in a cell that students get",
        ),
    ],
)
def test_mistakes_are_refused_with_file_and_cell(course, old, new, said):
    change(course, old, new)
    with pytest.raises(AuthorError, match=said) as error:
        build_source(course, SET)
    assert "chern.md" in str(error.value)
    assert not (course / "source").exists()


VARIABLE = """\
# Squares

*3 points, 1 minute.* Write the first three squares.

```{code-cell} ipython3
:task: toy.squares
:role: solution

squares = None
### BEGIN SOLUTION
squares = [1, 4, 9]
### END SOLUTION
```

```{code-cell} ipython3
:task: toy.squares
:role: test

ck.check("toy.squares", squares)
```
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A set whose one task asks for a variable."""
    check = Check(
        name="toy.squares",
        title="Squares",
        signature="squares",
        family="no input",
        reference=lambda: np.array([1, 4, 9]),
        tolerance=Tolerance("integers", absolute=1e-9),
        parts=(Part("the values", 3),),
    )
    for module in ("coursekit.grading.author", "coursekit.checks.run"):
        monkeypatch.setattr(f"{module}.get", lambda name: check)
    monkeypatch.setattr("coursekit.grading.author.names", lambda name: (check.name,))
    path = tmp_path / "authored" / "toy" / "toy.md"
    path.parent.mkdir(parents=True)
    path.write_text(VARIABLE, encoding="utf-8")
    return path


def test_a_variable_may_be_asked_for(toy, tmp_path):
    notebook = nbformat.read(build_source(tmp_path, "toy"), as_version=4)
    (solution,) = (c for c in notebook.cells if c.metadata.nbgrader.solution)
    names = {}
    with pytest.raises(NotImplementedError):
        exec(released(solution.source, "code"), names)
    report = grade("toy.squares", names["squares"], 1)
    assert report.points == 0
    assert "Not written yet" in str(report)
    exec(solution.source, names)
    assert grade("toy.squares", names["squares"], 1).points == 3


def test_a_variable_that_students_would_not_get_is_refused(toy, tmp_path):
    toy.write_text(VARIABLE.replace("squares = None\n", ""), encoding="utf-8")
    with pytest.raises(AuthorError, match=r"students get .*expected 'squares = None' above"):
        build_source(tmp_path, "toy")


def test_other_files_in_source_are_refused(course):
    stray = course / "source" / SET / "solutions.md"
    stray.parent.mkdir(parents=True)
    stray.touch()
    with pytest.raises(AuthorError, match=r"solutions\.md would be released to students"):
        build_source(course, SET)


def test_a_set_without_text_is_refused(tmp_path):
    with pytest.raises(AuthorError, match="does not exist; expected the text of the set 'chern'"):
        build_source(tmp_path, SET)
