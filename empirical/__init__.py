"""The experiments on images: early -> select -> generate -> train -> measure.

Modules in the order of the flow: ``config``, ``recipes`` and ``experiments`` (what is run), ``machine`` (on what); ``datasets``, ``cache``
and ``data`` (images); ``augmentation`` and ``trivial`` (random changes of them); ``networks``, ``optimisers``, ``schedules``,
``training`` and ``fitting`` (one classifier); ``early`` and ``knee`` (early training); ``selection``, ``stability`` and ``slowness`` (slow
examples); ``diffusion`` and ``generator_training`` (a generator trained here); ``generators`` (any diffusion model, one protocol);
``variants`` (noise, then denoise); ``store`` (variants on disk); ``faithfulness``, ``frechet`` and ``strength`` (how good they are);
``measures``; ``pipeline`` (a run, stage by stage); ``run``.
"""
