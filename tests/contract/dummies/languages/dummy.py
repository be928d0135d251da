"""A language that only tests have: Python under another name, declared."""

from kronkers_batch.config.languages import DOTTED, Language


class Dummy(Language):
    title = "Dummy"
    suffixes = (".py",)
    environment_keys = ("executable",)
    estimator_key = "_target_"
    estimator_pattern = DOTTED
    estimator_words = "a dotted name"
    has_formula = False
    attach = "import them"


KIND = Dummy()
