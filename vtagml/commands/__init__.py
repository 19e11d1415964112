"""The commands that are no training and no evaluation of an experiment.

`check` and `prepare` take the same config as `fit`, with every key checked, and build only `data`;
`export` builds only the model. `report` and `scenes` need no config, and neither do `predict` on a
folder of one's own images and `export` of a whole network, which read the config beside the
checkpoint. `benchmark` starts other commands, as a plan says. `vtagml.cli` imports the file of the
command that runs, and no other.
"""
