"""Read the training parameters: section `train` of params.yaml."""

from __future__ import annotations

from pydantic import Field

from data.declarations import Declared
from data.params import Params
from training.model.encoder.export import DEFAULT_ENCODER

ENOUGH_OWN = 100
"""So many distinct out-of-scope rows of a corpus teach its scope score; with fewer, the generic pool is used."""
# Out-of-scope shares in force where none is declared.
KNOWN_TRAFFIC_SHARE, UNKNOWN_TRAFFIC_SHARE = 0.1, 0.5


class TrainParams(Params):
    """Everything besides the corpus that determines a bundle."""

    section = "train"

    encoder: str = DEFAULT_ENCODER
    """Any SentenceTransformers name or folder."""
    seed: int = Field(default=0, ge=0)
    """Determines folds and samples; the same corpus and seed give the same weights bit for bit."""
    target: float = Field(default=0.02, gt=0, lt=1)
    """Target risk of the learned thresholds: wrong automatic answers / all automatic answers."""
    require_proof: bool = False
    """Use only proved thresholds; without it, where the rows prove too little, the highest coverage whose estimated
    risk meets the target is used, and the bundle says "estimated, not proved"."""
    out_of_scope_share: float | None = Field(default=None, ge=0, lt=1)
    """Out-of-scope share of messages at which the risk is stated. None: unknown, see `share`."""

    languages: tuple[str, ...] | None = None
    """Languages that the bot understands, such as `[en, de]`: a message in another one is handed over. Empty: any, for
    a multilingual encoder. None: those of the corpus."""

    def declared(self, changes: Declared) -> TrainParams:
        """Return the parameters with the declared target risk and out-of-scope share; what is not declared stays."""
        declared = {"target": changes.target, "out_of_scope_share": changes.out_of_scope_share}
        return self.model_copy(update={name: value for name, value in declared.items() if value is not None})

    def share(self, own_rows: int) -> float:
        """Return the out-of-scope share in force, by the number of distinct out-of-scope rows of the corpus.

        Without a declared share, a corpus with `ENOUGH_OWN` of them is assumed to come from known traffic; of unknown
        traffic, half may be out of scope.
        """
        if self.out_of_scope_share is not None:
            return self.out_of_scope_share
        return KNOWN_TRAFFIC_SHARE if own_rows >= ENOUGH_OWN else UNKNOWN_TRAFFIC_SHARE
