"""Find images: one file for each kind of source, all behind ``Source``.

Read ``source.py`` first: a source lists the files that decide its content, and opens them when
asked. ``locate.py`` finds a data set by name; ``build.py`` decodes one into arrays. ``layout.py``
finds out how a folder of one's own says part and class; ``label_tables.py`` reads labels.
No module here loads torch when it is imported; torchvision fetches and reads the official CIFAR
files, and compares them with their checksums.
"""
