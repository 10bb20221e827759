"""Select the slow-learnable examples from a network's outputs early in training.

Read ``rules.py`` first: from outputs to a mask, numpy only, for outputs of any model. ``stage.py``
trains early and selects; ``early_training.py`` and ``knee.py`` decide when early training stops;
``verdict.py`` says whether a selection means anything; ``agreement.py`` compares selections.
Importing the room does not load torch.
"""

from empirical._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Knee": "knee",
        "NoKnee": "knee",
        "Outputs": "early_training",
        "Scores": "agreement",
        "Selected": "stage",
        "Verdict": "verdict",
        "compare": "agreement",
        "early_network": "early_training",
        "select": "rules",
        "selected": "stage",
        "warning": "verdict",
    },
)
