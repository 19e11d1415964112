from vtagml.commands.dead_worker import of_dead_worker


def test_only_the_death_of_a_worker_is_one() -> None:
    killed = RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. \nIt may be …")
    assert "(DataLoader worker (pid 7) is killed by signal" in str(of_dead_worker(killed))
    # What torch says of an error that a worker raised, for example while it stacks samples.
    raised = "Caught RuntimeError in DataLoader worker process 0.\nOriginal Traceback …"
    assert of_dead_worker(RuntimeError(raised)) is None
    assert of_dead_worker(RuntimeError("stack expects each tensor to be equal size")) is None
