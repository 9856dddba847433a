"""A question whose answers open to say why they are right or wrong; it needs no script.

::

    :::{quiz} Which way does it go?
    More of the question, where one line is not enough.

    North
    : No: ...

    East
    : Yes: ...
    :::
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

# What each comment on an answer begins with, so that nobody reads on in doubt.
VERDICTS = ("Yes", "No", "Nearly")


class Answer(nodes.General, nodes.Element):
    """An answer: what may be chosen, then what there is to say about it."""


class Choice(nodes.General, nodes.TextElement):
    """The line that is clicked."""


class Quiz(SphinxDirective):
    """A question and a definition list of answers."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Make an admonition with one answer for each definition."""
        box = nodes.admonition(classes=["quiz"])
        title, messages = self.state.inline_text(self.arguments[0], self.lineno)
        box += nodes.title(self.arguments[0], "", *title)
        self.set_source_info(box)
        self.state.nested_parse(self.content, self.content_offset, box)
        answers = [list_ for list_ in box.children if isinstance(list_, nodes.definition_list)]
        if not answers:
            raise self.error("a quiz needs answers: lines that each have ': why' below them")
        for list_ in answers:
            list_.replace_self([self._answer(item) for item in list_.children])
        return [box, *messages]

    def _answer(self, item: Any) -> Answer:
        term = next(item.findall(nodes.term))
        why = next(item.findall(nodes.definition))
        if not why.astext().startswith(VERDICTS):
            raise self.error(f"got {why.astext()[:40]!r}; expected it to begin with {VERDICTS}")
        return Answer("", Choice("", "", *term.children), *why.children)


def _open_answer(translator: Any, node: nodes.Node) -> None:
    translator.body.append('<details class="quiz-answer">')


def _close_answer(translator: Any, node: nodes.Node) -> None:
    translator.body.append("</details>\n")


def _open_choice(translator: Any, node: nodes.Node) -> None:
    translator.body.append("<summary>")


def _close_choice(translator: Any, node: nodes.Node) -> None:
    translator.body.append("</summary>")


def _open_choice_latex(translator: Any, node: nodes.Node) -> None:
    translator.body.append("\n\n\\noindent\\textbf{")


def _close_choice_latex(translator: Any, node: nodes.Node) -> None:
    translator.body.append("} --- ")


def _nothing(translator: Any, node: nodes.Node) -> None:
    pass


def setup(app: Any) -> dict[str, Any]:
    """Sphinx calls this."""
    app.add_node(Answer, html=(_open_answer, _close_answer), latex=(_nothing, _nothing))
    app.add_node(
        Choice, html=(_open_choice, _close_choice), latex=(_open_choice_latex, _close_choice_latex)
    )
    app.add_directive("quiz", Quiz)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
