"""A run at Weights & Biases: offline unless one is logged in, and one run however often resumed."""

import json
import netrc
import os
import secrets
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import WandbLogger

from vtagml.attempt import Attempt
from vtagml.loggers.run_logger import RunLogger
from vtagml.run_folder import RunFolder, to_json, write_whole

KEYS = ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE")
SERVER = "https://api.wandb.ai"
PROJECT = "vtagml"


class Wandb(RunLogger, WandbLogger):
    """Logs to Weights & Biases; without a login to files in the run's folder, and asks nothing.

    Online if `WANDB_MODE=online` says so, or if there is a login (`wandb login`, `WANDB_API_KEY`)
    and `WANDB_MODE` says nothing else. What was written offline goes up later: `wandb sync
    runs/NAME/wandb/offline-run-*`.

    The run's id is kept in `wandb_run.json` in the run's folder. What goes on in that folder
    (`--ckpt_path last`, `test`) is the same run at W&B; a new fit is a new one. `wandb agent`
    gives an id of its own, which is then kept.

    Args:
        project: Project at W&B; by default `WANDB_PROJECT`, else `vtagml`.
        entity: User or team; by default the user's own.
        name: What the run is called; by default the name of its folder.
        group: Runs of one group, such as the seeds of a method, are shown together.
        tags: Words to find the run by.
        notes: A longer description.
        log_model: Whether the newest and the best checkpoint become artifacts at the end; `all`
            after every save. Offline they are copied into the run's folder once more.
    """

    def __init__(
        self,
        project: str | None = None,
        entity: str | None = None,
        name: str | None = None,
        group: str | None = None,
        tags: list[str] | None = None,
        notes: str | None = None,
        log_model: Literal["all"] | bool = False,
    ) -> None:
        super().__init__(
            name=name,
            project=project or os.environ.get("WANDB_PROJECT", PROJECT),
            log_model=log_model,
            entity=entity,
            group=group,
            tags=tags,
            notes=notes,
        )
        self.folder = RunFolder("")

    def enter(self, folder: RunFolder, version: int) -> None:
        self.folder = folder

    def leave(self, failed: bool) -> None:
        opened, self._experiment = self._experiment, None
        if opened is not None:
            with Attempt("The end of the record at W&B")():
                opened.finish(exit_code=int(failed))

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The run at W&B, begun when it is first asked for."""
        if self._experiment is None:
            self._prepare()
        return super().experiment

    def _prepare(self) -> None:
        folder = self.folder.path.resolve()  # W&B's service may have another current folder
        kept = kept_id(self.folder.wandb_run)
        self._id = os.environ.get("WANDB_RUN_ID") or kept or secrets.token_hex(4)
        write_whole(self.folder.wandb_run, to_json({"id": self._id, "project": self._project}))
        mode = chosen_mode()
        self._wandb_init |= {
            "id": self._id,
            "name": self._name or folder.name,
            "dir": str(folder),
            "mode": mode,
            # Nothing to ask offline: `wandb sync` puts the parts of a run together.
            "resume": None if mode == "offline" else "allow",
        }


def kept_id(path: Path) -> str | None:
    """Returns the id of the run that a folder belongs to, None if it belongs to none."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["id"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"`{path}` must hold the id of a run at W&B, found something else ({error}): delete it "
            "and the run goes on as a new one there."
        ) from None


def chosen_mode() -> str | None:
    """Returns W&B's mode: None leaves it to `WANDB_MODE`, `offline` if nobody is logged in."""
    if os.environ.get("WANDB_MODE"):
        return None if os.environ["WANDB_MODE"] not in ("offline", "dryrun") else "offline"
    return None if logged_in() else "offline"


def logged_in() -> bool:
    """Whether there is a key for W&B's server, in the variables or in the file of logins.

    Looks only: nothing is asked, from the user or from a server.
    """
    if any(os.environ.get(key) for key in KEYS):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL", SERVER)).netloc
    given = os.environ.get("NETRC")
    files = [Path(given)] if given else [Path("~/.netrc"), Path("~/_netrc")]
    for file in files:
        try:
            login = netrc.netrc(file.expanduser()).authenticators(host)
        except (OSError, netrc.NetrcParseError):
            continue
        if login and login[2]:
            return True
    return False
