"""Explore two methods side by side in the browser, on the same data and initial weights.

``python -m theory explore`` serves ``app.py``, a marimo page that holds one widget. The widget's
page (``page.js``, ``page.css``) draws and asks; every number comes from ``theory``:

    controls -> state (``fields``) -> two Runs (``runs``) -> metrics
    -> picture (``picture``, ``numbers``) -> page

The whole state stands in the address (``address``), relative to a preset (``presets``). No other
module of ``theory`` imports this package.
"""
