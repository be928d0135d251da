"""A first model in R: lm or glm."""

from __future__ import annotations

from collections.abc import Mapping

from kronkers_batch.drafting.baseline import Baseline, filled, listed, quoted

_TEXT = """\
# A first model of @TARGET@: @WHAT@. Change what you like.
# `kronkers try` shows what `data` looks like, and what a change is worth.

TARGET <- @NAME@
FEATURES <- @FEATURES@

# What stands for a gap: the mean of a number, the most frequent level of a category.
usual_of <- function(v) if (is.factor(v)) names(which.max(table(v))) else mean(as.numeric(v), na.rm = TRUE)

complete <- function(data, usual) {
  for (name in names(usual)) {
    v <- data[[name]]
    if (is.logical(v)) v <- as.numeric(v)
    v[is.na(v)] <- usual[[name]]
    data[[name]] <- v
  }
  data
}

# A fitted model without the rows that it was fitted on: predict needs none of them.
light <- function(model) {
  for (part in c("data", "residuals", "fitted.values", "effects", "linear.predictors", "weights",
                 "prior.weights", "y", "na.action")) model[[part]] <- NULL
  model$qr$qr <- model$qr$qr[seq_len(min(dim(model$qr$qr))), , drop = FALSE]
  model
}

fit <- function(data, params) {
  features <- Filter(function(name) length(unique(na.omit(data[[name]]))) > 1, FEATURES)
  usual <- lapply(data[features], usual_of)
  terms <- if (length(features)) sprintf("`%s`", features) else "1"
  formula <- reformulate(terms, ".target", env = globalenv())
  known <- complete(data[features], usual)
@FIT@
}

score <- function(model, data) {
@SCORE@
}

# What `kronkers show` prints of a version.
describe <- function(model) print(@DESCRIBE@)
"""
_ONE = """\
  known$.target <- data[[TARGET]]
  list(model = light({call}), usual = usual)"""
_RESPONSE = '  predict(model$model, complete(data, model$usual), type = "response")'
_FITS: Mapping[str, tuple[str, str, str]] = {
    "binary": (
        "logistic regression",
        _ONE.format(call="glm(formula, binomial, known, model = FALSE)"),
        _RESPONSE,
    ),
    "count": (
        "Poisson regression",
        _ONE.format(call="glm(formula, poisson, known, model = FALSE)"),
        _RESPONSE,
    ),
    "regression": (
        "linear regression",
        _ONE.format(call="lm(formula, known, model = FALSE)"),
        "  predict(model$model, complete(data, model$usual))",
    ),
    "multiclass": (
        "a logistic regression for each class",
        """\
  models <- lapply(setNames(nm = levels(data[[TARGET]])), function(class) {
    known$.target <- data[[TARGET]] == class
    light(glm(formula, binomial, known, model = FALSE))
  })
  list(models = models, usual = usual)""",
        """\
  known <- complete(data, model$usual)
  scores <- do.call(cbind, lapply(model$models, predict, known, type = "response")) + 1e-12
  scores / rowSums(scores)""",
    ),
}


def code(model: Baseline) -> str:
    """The file."""
    what, fit, score = _FITS[model.task]
    parts = {
        "TARGET": model.target,
        "WHAT": what,
        "NAME": quoted(model.target),
        "FEATURES": listed(map(quoted, (*model.numbers, *model.categories)), "c(", ")"),
        "FIT": fit,
        "SCORE": score,
        "DESCRIBE": "t(sapply(model$models, coef))" if model.task == "multiclass" else "coef(model$model)",
    }
    return filled(_TEXT, parts)
