"""A first model in Julia: a generalised linear model with a small penalty, in the standard library."""

from __future__ import annotations

from collections.abc import Mapping

from kronkers_batch.drafting.baseline import Baseline, filled, listed, quoted

_TEXT = """\
# A first model of @TARGET@: @WHAT@. Change what you like.
# `kronkers try` shows what `data` looks like, and what a change is worth.

using LinearAlgebra

const TARGET = @NAME@
const NUMBERS = @NUMBERS@
const CATEGORIES = @CATEGORIES@

isknown(x) = !ismissing(x) && !(x isa AbstractFloat && isnan(x))
mean(v) = isempty(v) ? 0.0 : sum(v) / length(v)

# What is learnt of a column: mean and scale of a number, the levels of a category.
function scale(column)
    known = Float64[x for x in column if isknown(x)]
    center = mean(known)
    spread = sqrt(mean((known .- center) .^ 2))
    return (center, spread > 0 ? spread : 1.0)
end

levelsof(column) = sort!(unique(String[x for x in column if isknown(x)]))

struct Model
    scales::Vector{Tuple{Float64,Float64}}
    levels::Vector{Vector{String}}
    coefficients::@TYPE@
end

# A row for each row of data: 1, the scaled numbers, and 1 for the level of each category. A gap is the mean.
function design(data, scales, levels)
    rows = length(first(data))
    X = zeros(rows, 1 + length(scales) + sum(Int[length(l) for l in levels]))
    X[:, 1] .= 1
    for (j, (name, (center, spread))) in enumerate(zip(NUMBERS, scales))
        fill_number!(view(X, :, 1 + j), data[Symbol(name)], center, spread)
    end
    at = 1 + length(scales)
    for (name, known) in zip(CATEGORIES, levels)
        places = Dict(level => at + i for (i, level) in enumerate(known))
        fill_levels!(X, data[Symbol(name)], places)
        at += length(known)
    end
    return X
end

function fill_number!(out, column, center, spread)
    for (i, x) in enumerate(column)
        out[i] = isknown(x) ? (x - center) / spread : 0.0
    end
end

function fill_levels!(X, column, places)
    for (i, x) in enumerate(column)
        place = ismissing(x) ? 0 : get(places, x, 0)
        place > 0 && (X[i, place] = 1)
    end
end

penalty(X) = Diagonal([0; ones(size(X, 2) - 1)])
@SOLVE@
function fit(data, params)
    scales = Tuple{Float64,Float64}[scale(data[Symbol(name)]) for name in NUMBERS]
    levels = Vector{String}[levelsof(data[Symbol(name)]) for name in CATEGORIES]
    X, y = design(data, scales, levels), data[Symbol(TARGET)]
    return Model(scales, levels, @FIT@)
end

function score(model, data)
    X = design(data, model.scales, model.levels)
    return @SCORE@
end

# What `kronkers show` prints of a version: of scaled numbers, and of levels.
function describe(model)
    pairs = zip(CATEGORIES, model.levels)
    names = ["(constant)"; NUMBERS; [string(name, " ", level) for (name, known) in pairs for level in known]]
    return join([@DESCRIBE@], "\n")
end
"""
_NEWTON = """
# Newton's method: the mean of y is `mean_of.(X * b)`, and grows by `slope.(mean)`.
function newton(X, y, mean_of, slope, start)
    b = [start; zeros(size(X, 2) - 1)]
    for _ in 1:50
        m = mean_of.(X * b)
        step = (X' * (max.(slope.(m), 1e-9) .* X) + penalty(X)) \\ (X' * (y .- m) .- penalty(X) * b)
        b .+= clamp.(step, -5, 5)
        maximum(abs, step) < 1e-8 && break
    end
    return b
end
"""
_LOGISTIC = """
logistic(z) = 1 / (1 + exp(-z))
chance(X, y) = newton(X, y, logistic, m -> m * (1 - m), log(mean(y) / (1 - mean(y))))
"""
_FITS: Mapping[str, tuple[str, str, str, str, str]] = {
    "regression": (
        "least squares with a small penalty",
        "Vector{Float64}",
        "",
        "(X' * X + penalty(X)) \\ (X' * Float64.(y))",
        "X * model.coefficients",
    ),
    "binary": (
        "logistic regression",
        "Vector{Float64}",
        _NEWTON + _LOGISTIC,
        "chance(X, Float64.(y))",
        "logistic.(X * model.coefficients)",
    ),
    "count": (
        "Poisson regression",
        "Vector{Float64}",
        _NEWTON + "\nexpected(z) = exp(clamp(z, -30, 30))\n",
        "newton(X, Float64.(y), expected, identity, log(mean(Float64.(y))))",
        "expected.(X * model.coefficients)",
    ),
    "multiclass": (
        "a logistic regression for each class",
        "Dict{String,Vector{Float64}}",
        _NEWTON + _LOGISTIC,
        "Dict(class => chance(X, Float64.(y .== class)) for class in levelsof(y))",
        """\
shares(Dict(class => logistic.(X * b) .+ 1e-12 for (class, b) in model.coefficients))
end

function shares(scores)
    total = sum(values(scores))
    return Dict(class => s ./ total for (class, s) in scores)""",
    ),
}


_DESCRIBED = (
    "string(rpad(name, 40), b) for (name, b) in zip(names, model.coefficients)",
    'string(class, ": ", rpad(name, 40), b) for (class, each) in model.coefficients '
    "for (name, b) in zip(names, each)",
)
"""The lines of a description: of one vector of coefficients, and of one for each class."""


def _quoted(text: str) -> str:
    """In Julia a dollar sign begins an interpolation."""
    return quoted(text).replace("$", "\\$")


def code(model: Baseline) -> str:
    """The file."""
    what, kind, solve, fit, score = _FITS[model.task]
    parts = {
        "WHAT": what,
        "TYPE": kind,
        "SOLVE": solve,
        "FIT": fit,
        "SCORE": score,
        "DESCRIBE": _DESCRIBED[model.task == "multiclass"],
        "NUMBERS": listed(map(_quoted, model.numbers), "String[", "]"),
        "CATEGORIES": listed(map(_quoted, model.categories), "String[", "]"),
        "NAME": _quoted(model.target),
        "TARGET": model.target,
    }
    return filled(_TEXT, parts)
