"""Two nodes of one process each, started as torchrun and as SLURM start them, on this machine."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch

from tests.faults.killed_runs import CONFIG, LAST

ROOT = Path(__file__).parents[2]
STEPS = 3
FIT = [
    "fit",
    f"--config={CONFIG}",
    f"--trainer.max_steps={STEPS}",
    "--trainer.num_nodes=2",
    "--trainer.devices=1",
    "--trainer.accelerator=cpu",
    "--prediction_grid.every_epochs=9",
]


def free_port() -> str:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return str(listening.getsockname()[1])


def by_torchrun(node: int, port: str, program: Path) -> tuple[list[str], dict[str, str]]:
    """`torchrun --nnodes 2 --nproc_per_node 1 --node_rank … $(which lightning) fit …`."""
    words = ["--nnodes=2", "--nproc_per_node=1", f"--node_rank={node}"]
    words += ["--master_addr=127.0.0.1", f"--master_port={port}", str(program)]
    return [sys.executable, "-m", "torch.distributed.run", *words], {}


def by_slurm(node: int, port: str, program: Path) -> tuple[list[str], dict[str, str]]:
    """`srun lightning fit …` in a job of two nodes with `--ntasks-per-node=1`."""
    settings = {
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NAME": "train",
        "SLURM_NTASKS": "2",
        "SLURM_NTASKS_PER_NODE": "1",
        "SLURM_NODELIST": "127.0.0.1",
        "SLURM_JOB_NODELIST": "127.0.0.1",
        "SLURM_PROCID": str(node),
        "SLURM_LOCALID": "0",
        "SLURM_NODEID": str(node),
        "MASTER_PORT": port,
    }
    return [sys.executable, str(program)], settings


def start(
    folder: Path, node: int, words: Sequence[str], settings: Mapping[str, str]
) -> subprocess.Popen[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "MASTER_", "RANK"))}
    path = os.pathsep.join(filter(None, (str(ROOT), kept.get("PYTHONPATH"))))
    with (folder / f"log{node}.txt").open("w") as log:
        return subprocess.Popen(
            [*words, *FIT],
            cwd=folder,
            env=kept | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"} | settings,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [by_torchrun, by_slurm])
def test_two_nodes_train_as_one_run(launcher: object, tmp_path: Path) -> None:
    program, port = tmp_path / "program.py", free_port()
    program.write_text("from vtagml.cli import main\n\nmain()\n")  # as pip's own script
    assert callable(launcher)
    nodes = [start(tmp_path, node, *launcher(node, port, program)) for node in range(2)]
    statuses = [node.wait(timeout=280) for node in nodes]
    logs = [(tmp_path / f"log{node}.txt").read_text() for node in range(2)]
    assert statuses == [0, 0], "\n".join(logs)
    for node, log in enumerate(logs):
        assert f"GLOBAL_RANK: {node}, MEMBER: {node + 1}/2" in log
    saved = torch.load(tmp_path / LAST, weights_only=True)
    assert saved["global_step"] == STEPS
    assert saved["state_dict"]["network.affinity.steps"] == STEPS
    assert [each.name for each in (tmp_path / "runs").iterdir()] == ["small"]
