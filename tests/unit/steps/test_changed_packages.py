"""What a message tells of changed packages: versions, and nothing that a worker could say in their place."""

from kronkers_batch.steps.champion import MOST_TOLD, changes_of


def test_names_and_versions_are_told():
    trained = {
        "language": "python",
        "version": "3.11.7",
        "numpy": "1.26.4",
        "torch": "2.1.0+cpu",
        "same": "1",
    }
    now = {"language": "python", "version": "3.12.0", "numpy": "2.0.0rc1", "torch": "2.2.0+cpu", "same": "1"}
    assert changes_of(trained, now) == (
        "numpy 1.26.4 -> 2.0.0rc1, torch 2.1.0+cpu -> 2.2.0+cpu, version 3.11.7 -> 3.12.0"
    )


def test_what_is_no_version_is_counted():
    trained = {"numpy": "1.0", "anna.meier@example.org": "1.0", "scipy": "1.0", "iban": "1.0"}
    now = {
        "numpy": "2.0",
        "anna.meier@example.org": "2.0",
        "scipy": "Anna Meier",
        "iban": "DE89370400440532013000",
    }
    assert changes_of(trained, now) == "numpy 1.0 -> 2.0, and 3 more"
    del trained["numpy"]
    assert changes_of(trained, now) == "3 packages"


def test_a_few_are_told():
    told = changes_of({f"p{i}": "1" for i in range(2_000)}, {f"p{i}": "2" for i in range(2_000)})
    assert told.endswith(f", and {2_000 - MOST_TOLD} more")
    assert told.count("->") == MOST_TOLD
