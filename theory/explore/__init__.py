"""Explore two methods over each other in the browser, on the same data and initial weights.

``python -m theory explore`` writes one self-contained page (``page.py``). It has two halves:

    engine/  the theory in JavaScript, number for number as in Python: ``streams`` (numpy's random
             streams), ``draw``, ``kernel`` (the one costly product), ``dynamics``, ``population``,
             ``forms`` (closed forms), ``race``, ``measures`` (recording), ``worker``
    page/    what is seen: ``state`` (fields, address, code), ``pool`` (workers), ``chart``,
             ``strip`` (patches), ``seeds``, ``map``, ``table``, ``files``, ``words``, ``controls``,
             ``main``

``fields`` and ``presets`` define the controls and the settings of the claims; ``tables`` makes the
numbers that the engine cannot compute. No other module of ``theory`` imports this package.
"""
