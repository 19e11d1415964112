"""What to say when a process that loads data has died."""


def of_dead_worker(error: RuntimeError) -> str | None:
    """Returns what to do about it if that is what the error says, None otherwise."""
    first = str(error).strip().partition("\n")[0]
    if "DataLoader worker (pid" not in str(error):  # its own errors say "DataLoader worker process"
        return None
    return (
        f"A worker that loads data has died ({first}). It is often the system's answer to a lack of"
        " memory: give fewer `data.workers`, or a smaller `data.batch_size`. The last checkpoint"
        " stays: go on with `--ckpt_path last`."
    )
