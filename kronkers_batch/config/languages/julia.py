"""Julia."""

from __future__ import annotations

from kronkers_batch.config.languages import Language


class Julia(Language):
    """Models over named tuples of columns."""

    title = "Julia"
    suffixes = (".jl",)
    stored = (".jls",)
    stores = "serialize(FILE, model)"
    environment_keys = ("executable", "project")
    estimator_key = "function"
    estimator_pattern = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\.[A-Za-z_]\w*!?\Z"
    estimator_words = "Package.function, such as GLM.glm"
    has_formula = False
    attach = "write using ... at the top of the code file"
    opens = 'module KronkersModel include("model.jl") end; using Serialization; deserialize("{file}")'
    no_memory = ("OutOfMemoryError",)


KIND = Julia()
