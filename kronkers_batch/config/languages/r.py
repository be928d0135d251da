"""R."""

from __future__ import annotations

from kronkers_batch.config.languages import Language


class R(Language):
    """Models over data frames."""

    title = "R"
    suffixes = (".R", ".r")
    stored = (".rds", ".RDS")
    stores = "saveRDS(model, FILE)"
    environment_keys = ("executable", "library", "renv")
    estimator_key = "function"
    estimator_pattern = r"[A-Za-z][A-Za-z0-9.]*::[A-Za-z.][A-Za-z0-9._]*\Z"
    estimator_words = "package::function, such as stats::glm"
    has_formula = True
    attach = "attach them at the top of the code file: library(...)"
    opens = 'readRDS("{file}")'
    no_memory = ("OutOfMemoryError",)
    no_package = ("packageNotFoundError",)


KIND = R()
