"""Measure how good variants are: faithful to their sources, different from them, close to real.

Read ``faithfulness.py`` first: distances to sources and to other real images, label agreement,
grain. ``fid_kid.py`` compares sets of features, ``by_strength.py`` chooses a strength on validation
images, ``dial.py`` reads kappa and fidelity where the noise is known, and ``contact_sheet.py``
draws images side by side.
"""

from empirical._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "closeness": "faithfulness",
        "compare_strengths": "by_strength",
        "diversity": "faithfulness",
        "fid": "fid_kid",
        "grain": "faithfulness",
        "kid": "fid_kid",
        "label_agreement": "faithfulness",
        "read_dial": "dial",
        "write_contact_sheet": "contact_sheet",
    },
)
