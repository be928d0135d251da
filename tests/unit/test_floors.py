"""The floors of coverage tell what is below them."""

from tests.floors import percent


def file(lines: int, of: int, branches: int = 0, of_branches: int = 0) -> dict[str, dict[str, int]]:
    numbers = (lines, branches, of, of_branches)
    names = ("covered_lines", "covered_branches", "num_statements", "num_branches")
    return {"summary": dict(zip(names, numbers, strict=True))}


def test_lines_and_branches_count_alike_and_by_folder():
    files = {"a/x.py": file(9, 10, 0, 10), "a/y.py": file(1, 1), "b/z.py": file(0, 79)}
    assert percent(files, "") == 10
    assert percent(files, "a/") == 100 * 10 / 21
    assert percent(files, "c/") == 0
