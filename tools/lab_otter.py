"""Let otter grade one notebook, with a limit a cell: a cell that takes longer is interrupted.

    python tools/lab_otter.py NOTEBOOK AUTOGRADER FOLDER SECONDS

Runs in the lab's own environment and writes otter's results.json into FOLDER.
"""

import logging
import sys
from functools import partial

import nbconvert.preprocessors as preprocessors
from otter.run import main

if __name__ == "__main__":
    notebook, autograder, folder, seconds = sys.argv[1:]
    limits = {"timeout": int(seconds), "interrupt_on_timeout": True}
    # The executor says there when it interrupts a cell.
    logging.getLogger("traitlets").addHandler(logging.StreamHandler())
    # Otter makes its executor anew for each notebook and sets no limit of its own.
    preprocessors.ExecutePreprocessor = partial(preprocessors.ExecutePreprocessor, **limits)
    main(notebook, autograder=autograder, output_dir=folder, no_logo=True)
