"""The experiments on images: early -> select -> generate -> train -> measure.

Modules in the order of the flow: ``config`` and ``experiments`` (what is run), ``data``, ``networks``, ``optimisers``, ``training``,
``selection`` (early training and the choice of slow examples), ``diffusion`` (the generator), ``variants`` (noise, then
denoise), ``measures``, ``pipeline`` (one run, stage by stage), ``run`` (many runs at once).
"""
