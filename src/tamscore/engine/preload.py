"""What the process that workers are forked from imports: nobody else may.

Nothing of it is garbage, and workers that never look at it again leave its pages shared.
"""

from __future__ import annotations

import gc
import os
from importlib import import_module

from tamscore import logs
from tamscore.engine.fork_server import NEEDED

if os.environ.get(logs.VARIABLE) == "json":
    logs.capture()  # before Dask is imported, which brings loggers of its own where there is none
gc.disable()
for _name in NEEDED:
    import_module(_name)
gc.freeze()
gc.enable()
