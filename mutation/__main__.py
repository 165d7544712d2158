"""Judge a sample of mutants, and print the score and the survivors; see the package."""

import itertools
import random
import time
import tomllib
from collections import Counter, defaultdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from mutation.judges import REPOSITORY, mutated_files
from mutation.lua_mutants import lua_sites
from mutation.mutant import Mutant, Site
from mutation.python_mutants import python_sites
from mutation.trial import BaselineError, Court, Verdict

EQUIVALENT: Final = Path(__file__).parent / "equivalent.toml"
NOTICED: Final = (Verdict.KILLED, Verdict.TIMED_OUT)


def sites_of(path: str) -> list[Site]:
    """Return all places in a file where it can be changed."""
    text = (REPOSITORY / path).read_text()
    return lua_sites(path, text) if path.endswith(".lua") else python_sites(path, text)


def draw(sites: list[Site], sample: int, seed: int) -> list[Mutant]:
    """Return a random sample, without the mutants that are known to change nothing which is promised."""
    found = tomllib.loads(EQUIVALENT.read_text())["equivalent"]
    known = {(each["path"], each["was"], each["now"]) for each in found}
    order = random.Random(seed).sample(sites, len(sites))
    fit = (mutant for site in order if (mutant := site()).change not in known)
    return list(itertools.islice(fit, sample))


def main(
    sample: Annotated[int, typer.Option(help="how many mutants, of all files together")] = 100,
    seed: Annotated[int, typer.Option(help="decides which")] = 1,
    minutes: Annotated[float, typer.Option(help="no further mutant is tried after this time")] = 60,
    only: Annotated[list[str] | None, typer.Option(help="mutate only files whose path contains this")] = None,
    *,
    listed: Annotated[bool, typer.Option("--list", help="show the mutants and try none")] = False,
) -> None:
    """Change the code in one place at a time, and see whether the tests notice."""
    console, begun = Console(width=110, highlight=False, markup=False), time.monotonic()
    paths = [path for path in mutated_files() if not only or any(part in path for part in only)]
    sites = [site for path in paths for site in sites_of(path)]
    drawn = draw(sites, sample, seed)
    console.print(f"{len(drawn)} of {len(sites)} mutants in {len(paths)} files, drawn with seed {seed}")
    if listed:
        for mutant in drawn:
            console.print(str(mutant), soft_wrap=True)
        return
    verdicts: dict[str, Counter[Verdict]] = defaultdict(Counter)
    survivors = []
    with Court() as court:
        for number, mutant in enumerate(drawn, 1):
            if time.monotonic() - begun > 60 * minutes:
                console.print(f"the time is up after {number - 1} mutants")
                break
            try:
                verdict = court.judge(mutant)
            except BaselineError as error:
                console.print(str(error))
                raise typer.Exit(2) from None
            verdicts[mutant.path][verdict] += 1
            if verdict is Verdict.SURVIVED:
                survivors.append(mutant)
            console.print(
                f"{time.monotonic() - begun:5.0f} s  {number}/{len(drawn)} {verdict.value}: {mutant}",
                soft_wrap=True,
            )
    _report(console, verdicts, survivors)


def _report(console: Console, verdicts: dict[str, Counter[Verdict]], survivors: list[Mutant]) -> None:
    table = Table(box=None)
    for column in ("file", "mutants", "noticed", "survived", "stillborn", "score"):
        table.add_column(column, justify="left" if column == "file" else "right")
    total: Counter[Verdict] = sum(verdicts.values(), Counter())
    for path, counts in [*sorted(verdicts.items()), ("all", total)]:
        noticed, survived = sum(counts[verdict] for verdict in NOTICED), counts[Verdict.SURVIVED]
        judged = noticed + survived
        score = f"{100 * noticed / judged:.0f} %" if judged else "–"
        table.add_row(path, str(judged), str(noticed), str(survived), str(counts[Verdict.STILLBORN]), score)
    for mutant in sorted(survivors):
        console.print(f"survived: {mutant}", soft_wrap=True)
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
