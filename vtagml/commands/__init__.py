"""The commands of `lightning`: each is the function of its name in the file of its name.

`check` and `prepare` take the same config as `fit`, with every key checked, and build only `data`.
`report` and `scenes` need no config, and neither do `predict` on images of one's own, `export` and
`merge`, which read the config beside the checkpoint. `benchmark` and `sweep` start other commands.
A file here imports at its top only what its help needs: who asks for help waits for no torch.
"""

COMMANDS = (
    *("fit", "validate", "test", "predict", "check", "prepare"),
    *("export", "merge", "report", "benchmark", "sweep", "scenes", "weights"),
)
"""All of them, in the order of the help."""
