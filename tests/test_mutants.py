"""Each mutant of `make mutants` can be made. A mutant whose text has changed would try nothing."""

import pytest
from tests.reliability.mutants import MUTANTS, Mutant, chosen


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.breaks)
def test_mutant_changes_text_that_its_module_holds_once(mutant: Mutant) -> None:
    compile(mutant.source(), mutant.module, "exec")


def test_words_choose_mutants_by_module_and_by_tests() -> None:
    assert chosen([]) == list(MUTANTS)
    assert {mutant.module for mutant in chosen(["journal.py"])} == {"journal.py"}
    assert {mutant.tests for mutant in chosen(["test_turns"])} == {"tests/host/records/test_turns.py"}
    with pytest.raises(SystemExit):
        chosen(["no such module"])
