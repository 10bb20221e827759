"""Where images come from: one file for each kind of source, all behind ``Source``.

Read ``source.py`` first: a source lists the files that decide its content, and opens them one by one.
``locate.py`` finds a data set by name; ``build.py`` decodes one into arrays. Nothing here imports
torch at load time; torchvision fetches and reads the official CIFAR files, checksums included.
"""
