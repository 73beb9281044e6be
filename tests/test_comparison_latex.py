"""Tables of a comparison in LaTeX: which layout holds them, and that they stay on the page."""

import re

import pytest
from run_folders import write_run
from typeset import compiles, needs_latex

from dsr.runs.compare.columns import narrowest, printed, widths
from dsr.runs.compare.comparison import compare
from dsr.runs.compare.formats import latex
from dsr.runs.compare.grids import Grid
from dsr.runs.compare.index import read_index
from dsr.runs.compare.latex import longtable, tex
from dsr.runs.store import RunStore


def test_cells_are_broken_at_spaces_and_no_more_than_they_must():
    assert narrowest("one two", 1) == printed("one two") and narrowest("one two", 2) == printed("two")
    assert narrowest("a bb ccc", 3) == printed("ccc") and narrowest("unbroken", 3) == printed("unbroken")
    columns = [["aaaa bbbb cccc", "n"], ["dd ee", "m"], ["unbroken", "1"]]
    whole = [max(map(printed, column)) for column in columns]
    assert widths(columns, 1000.0, 3) == [(width, 1) for width in whole]
    found = widths(columns, sum(whole) - 1.0, 3)
    assert found == [(printed("aaaa bbbb"), 2), (whole[1], 1), (whole[2], 1)]
    tight = widths(columns, 0.0, 3)
    assert [lines for _, lines in tight] == [3, 2, 1] and tight[2][0] == whole[2]


def test_the_column_that_gains_most_is_broken_first():
    columns = [["aaaaaa bbbbbb"], ["aaaaaaaaaaaa bbbbbbbbbbb ccccccccccc"]]
    room = printed("aaaaaa bbbbbb") + printed("aaaaaaaaaaaa")
    assert [lines for _, lines in widths(columns, room, 3)] == [1, 3]
    assert [lines for _, lines in widths(columns, room - 1.0, 3)] == [2, 3]


def test_a_power_of_ten_is_as_wide_as_it_prints_and_is_not_broken():
    assert printed("1.5e7") > printed("1.5") + printed("10") and tex("1.5e7") == r"$1.5{\times}10^{7}$"


def test_wide_tables_are_turned_and_narrow_ones_are_not():
    narrow = longtable(Grid("t", ("name", "n"), (("a", "1"),), 1), 1)
    assert narrow.startswith(r"\begingroup") and r"{@{}lr@{}}" in narrow and "landscape" not in narrow
    head = tuple(f"number {i}" for i in range(11))
    wide = longtable(Grid("t", head, (("[0.12345, 0.23456]",) * 11,), 2), 1)
    assert wide.startswith(r"\begin{landscape}") and wide.endswith(r"\end{landscape}")
    assert wide.count(r"\raggedright\arraybackslash}p{") == 2 and wide.count(r"\raggedleft\arraybackslash}p{") > 5
    assert wide.count(r"\\[2pt]") == 3 and r"\\[2pt]" not in narrow


@needs_latex
@pytest.mark.parametrize("scale", [1.0, 1e-7])
def test_tables_stay_on_the_page(tmp_path, scale):
    """Also with long names, systems of many letters, and powers of ten in every cell."""
    store = RunStore(tmp_path)
    for system in ("lorenz63", "coupled_lorenz_rossler_50%"):
        for model in ("shplrnn", "esn"):
            for latent, width in ((20, 100), (40, 200)):
                for seed in range(4):
                    score = scale * (0.0612345 + 0.001 * seed + latent / 997)
                    values = {"D_stsp": score, "valid prediction time": score, "lambda_1": -score}
                    settings = {"latent_dim": latent, "hidden_width": width, "activation": "relu"}
                    write_run(store, system, model, seed, values, truths={"lambda_1": -scale}, model=settings)
    found = compare(read_index(store))
    assert any("hidden_width=100" in c.contestant for c in found.counts)
    text = latex(found)
    packages = re.findall(r"\\usepackage\{\w+\}", text.split("\n\n")[0])
    (tmp_path / "tables.tex").write_text(text)
    document = [r"\documentclass{article}", *packages, r"\begin{document}", r"\input{tables}", r"\end{document}"]
    (tmp_path / "page.tex").write_text("\n".join(document))
    compiles(tmp_path / "page.tex")
    assert r"\begin{landscape}" in text
