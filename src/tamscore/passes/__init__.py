"""The passes over the table: what is done with one partition, from reading it to what leaves the worker.

census (who is there) → sample (what the model is fitted on) → assign (who belongs where) → score (what is written).
Each pass is a function `(item, shared...) -> small result` that runs wherever the engine puts it.
"""
