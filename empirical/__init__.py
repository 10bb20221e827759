"""Run the experiments on images: train early, select slow images, generate variants, train.

Read ``pipeline.py`` first, which is one run from start to end; then ``methods.py``, which says
what each method adds to the training set. The rooms, each with its own introduction:

``config``       frozen dataclasses that say what a run is, and named training settings
``runtime``      device, precision, random streams, results on disk, leases
``data``         data sets as arrays, and their splits
``training``     networks, optimisers, schedules, augmentation; one classifier and its measures
``selection``    early training, and the choice of slow-learnable images
``generation``   diffusion models, variants of images, their store and their quality
``experiments``  named grids of runs, their jobs, and the scheduler that computes them
``own_images``   the method applied to a folder or a data set of your own
``commands``     the command line, one file for each command

A room imports only from rooms above it in this list.
"""
