import pytest

from vtagml.commands.messages import one_message


def test_the_death_of_a_worker_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    killed = "DataLoader worker (pid 7) is killed by signal: Killed. \nIt may be …"
    with pytest.raises(SystemExit, match="2"), one_message():
        raise RuntimeError(killed)
    said = capsys.readouterr().err
    assert said.startswith("error: A worker that loads data has died (DataLoader worker (pid 7)")
    assert "Killed. )" in said
    assert "It may be" not in said


@pytest.mark.parametrize(
    "ours",
    [
        # What torch says of an error that a worker raised, for example while it stacks samples.
        "Caught RuntimeError in DataLoader worker process 0.\nOriginal Traceback …",
        "stack expects each tensor to be equal size",
    ],
)
def test_other_errors_of_ours_keep_their_traceback(ours: str) -> None:
    with pytest.raises(RuntimeError, match=ours[:12]), one_message():
        raise RuntimeError(ours)
