"""What the process that workers are forked from imports: nobody else may.

Nothing of it is garbage, and workers that never look at it again leave its pages shared.
"""

from __future__ import annotations

import gc
from importlib import import_module

from tamscore.engine.fork_server import NEEDED

gc.disable()
for name in NEEDED:
    import_module(name)
gc.freeze()
gc.enable()
