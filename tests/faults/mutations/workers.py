"""What workers do with classes, quantiles, weights and exposures."""

from __future__ import annotations

from tests.faults.mutations.changes import drop, never, reword, swap
from tests.faults.mutations.kind import _

E = "tests/contract/test_estimators.py::"
CODE = f"{E}test_columns_of_code_are_picked_by_their_names"
OTHER = f"{E}test_other_columns_of_code_are_refused"
SHARES = f"{E}test_probabilities_of_an_estimator_are_picked_by_the_names_of_the_classes"
CLASSES = f"{E}test_a_model_of_other_classes_is_refused"
UNNAMED = f"{E}test_probabilities_without_names_are_refused"
EACH, ALL = f"{E}test_one_model_for_each_quantile", f"{E}test_one_model_of_all_quantiles"
ASKED = f"{E}test_an_argument_that_asks_for_other_quantiles_is_refused"
TWICE, NONE = (
    f"{E}test_a_weight_of_two_is_a_row_twice",
    f"{E}test_an_estimator_that_takes_no_weights_is_refused",
)
COUNTS = f"{E}test_counts_are_fitted_and_scored_over_their_exposure"
ZERO = f"{E}test_an_exposure_that_is_not_above_zero_is_refused_in_fit"
NO_EXPOSURE = f"{E}test_an_estimator_that_takes_no_exposure_is_refused"
LOST = f"{E}test_an_exposure_that_would_be_lost_is_refused"
SHAPES = f"{E}test_the_shapes_in_which_r_gives_probabilities"

PY, R, JL = "runtimes.workers.worker", "runtimes/workers/worker.R", "runtimes/workers/worker.jl"

PYTHON = [
    _(
        "columns of code are taken by their place",
        f"{PY}:scores",
        swap("[result[keys[name]] for name in names]", "list(result.values())"),
        f"{CODE}[python-rows]",
    ),
    _(
        "a matrix without names is one vector",
        f"{PY}:scores",
        never("np.ndim(result) == 2"),
        f"{OTHER}[python-unnamed]",
    ),
    _(
        "the declared classes name the columns of a model's own",
        f"{PY}:by_class",
        swap("[str(one) for one in model.classes_]", "list(classes)"),
        f"{SHARES}[python]",
    ),
    _("a model may lack a class", f"{PY}:by_class", never("lacks"), f"{CLASSES}[python]"),
    _("a model may have a class more", f"{PY}:by_class", never("more"), f"{CLASSES}[python]"),
    _(
        "a model need not say its classes",
        f"{PY}:by_class",
        never("getattr(model, 'classes_', None) is None"),
        f"{UNNAMED}[python]",
    ),
    _(
        "every model gets the first quantile's level",
        f"{PY}:EstimatorModel.fit",
        swap("self.new(level)", "self.new(self.levels[0])"),
        f"{EACH}[python]",
    ),
    _(
        "quantiles are taken by their place",
        f"{PY}:by_level",
        swap("[keys[place[0]] for place in places]", "keys"),
        f"{ALL}[python-tau]",
    ),
    _(
        "quantiles may be others",
        f"{PY}:by_level",
        swap("abs(one - level) < 6e-4", "abs(one - level) < 0.15"),
        f"{ALL}[python-other]",
    ),
    _(
        "there may be fewer quantiles",
        f"{PY}:by_level",
        never("result.ndim != 2 or result.shape[1] != len(levels)"),
        f"{ALL}[python-few]",
    ),
    _(
        "an argument may ask for other quantiles",
        f"{PY}:same_levels",
        never("asks and ..."),
        f"{ASKED}[python]",
    ),
    _(
        "weights are ignored",
        f"{PY}:EstimatorModel.fit",
        drop("more[self.argument] = numbers(table[self.weights])"),
        f"{TWICE}[python]",
    ),
    _(
        "weights that an estimator does not take are given to it",
        f"{PY}:weights_argument",
        never("not any(...)"),
        f"{NONE}[python]",
        f"{NO_EXPOSURE}[python]",
    ),
    _(
        "the last step of a pipeline is not asked for weights",
        f"{PY}:weights_argument",
        never("hasattr(estimator, 'steps')"),
        f"{E}test_a_pipeline_gives_the_weights_to_its_last_step[in python]",
    ),
    _(
        "what only fit sees predicts",
        f"{PY}:EstimatorModel.features",
        swap(
            "table if list(table.columns) == self.predictors else table[self.predictors]",
            "table.drop(columns=['y'], errors='ignore')",
        ),
        f"{TWICE}[python]",
    ),
    _(
        "the exposure predicts",
        f"{PY}:EstimatorModel.__init__",
        swap("[name for name in arguments['features'] if name != self.exposure]", "arguments['features']"),
        f"{COUNTS}[python-equal rows]",
    ),
    _(
        "counts are fitted without their exposure",
        f"{PY}:EstimatorModel.fit",
        swap("y / exposure", "y"),
        f"{COUNTS}[python-equal rows]",
    ),
    _(
        "rates count alike whatever the exposure",
        f"{PY}:EstimatorModel.fit",
        swap("exposure * numbers(table[self.weights]) if self.weights else exposure", "exposure ** 0"),
        f"{COUNTS}[python-equal rows]",
    ),
    _(
        "weights are ignored beside an exposure",
        f"{PY}:EstimatorModel.fit",
        swap("exposure * numbers(table[self.weights])", "exposure"),
        f"{COUNTS}[python-weighted]",
    ),
    _(
        "rates are scored in the place of counts",
        f"{PY}:EstimatorModel.score",
        swap("times(predicted, numbers(table[self.exposure]))", "predicted"),
        f"{COUNTS}[python-equal rows]",
    ),
    _("an exposure may be 0", f"{PY}:positive", never("not (values > 0).all()"), f"{ZERO}[python]"),
]

IN_R = [
    _(
        "columns of code in R are taken by their place",
        R,
        reword(
            "columns <- lapply(outputs, function(name) result[[name]])", "columns <- unname(as.list(result))"
        ),
        f"{CODE}[r-rows]",
    ),
    _(
        "one row of code in R that is a vector is refused",
        R,
        reword("result <- as.list(result)  # many predict", "NULL # many predict"),
        f"{CODE}[r-one row]",
    ),
    _(
        "a matrix of R without names is like any other",
        R,
        reword("if (is.null(colnames(result))) {", "if (FALSE) {"),
        f"{OTHER}[r-unnamed]",
    ),
    _(
        "names that R changes are not told",
        R,
        reword("if (changed)", "if (FALSE)"),
        f"{E}test_names_that_data_frame_changes_are_told[in r]",
    ),
    _("a model in R may lack a class", R, reword("if (length(lacks)) {", "if (FALSE) {"), f"{CLASSES}[r]"),
    _(
        "a model in R may have a class more",
        R,
        reword("if (more) stop(", "if (FALSE) stop("),
        f"{CLASSES}[r]",
    ),
    _(
        "probabilities in R need no names",
        R,
        reword('(is.null(names)) {\n        stop("predict', '(FALSE) {\n        stop("predict'),
        f"{UNNAMED}[r]",
    ),
    _(
        "classes in R are probabilities",
        R,
        reword("if (is.factor(result) || is.character(result)) {", "if (FALSE) {"),
        f"{SHAPES}[classes-classes where probabilities are wanted-in r]",
    ),
    _(
        "one row in R that is a vector is no row",
        R,
        reword("result <- t(result)  # of one row", "NULL  # of one row"),
        f"{SHAPES}[dropped--in r]",
    ),
    _(
        "one vector in R is two classes",
        R,
        reword("} else if (plain && length(classes) == 2L) {", "} else if (FALSE) {"),
        f"{E}test_one_vector_for_two_classes_is_refused[in r]",
    ),
    _(
        "every model in R gets the first quantile's level",
        R,
        reword(
            "arguments[[setup$per_quantile]] <- level", "arguments[[setup$per_quantile]] <- quantiles[1L]"
        ),
        f"{EACH}[r]",
    ),
    _(
        "quantiles in R are taken by their place",
        R,
        reword("result <- as.list(result)[unlist(places)]", ""),
        f"{ALL}[r-tau]",
    ),
    _(
        "quantiles in R may be others",
        R,
        reword("abs(said - level) < 6e-4", "abs(said - level) < 0.15"),
        f"{ALL}[r-other]",
    ),
    _(
        "there may be fewer quantiles in R",
        R,
        reword("if (length(result) != length(levels)) {", "if (FALSE) {"),
        f"{ALL}[r-few]",
    ),
    _(
        "an argument in R may ask for other quantiles",
        R,
        reword("refuse_levels(c(setup$arguments, setup$predict_arguments), quantiles)", ""),
        f"{ASKED}[r]",
    ),
    _(
        "weights in R are ignored",
        R,
        reword("arguments[[weights_argument(f$value, setup$target)]] <- as.name(weights)", "NULL"),
        f"{TWICE}[r]",
        f"{NONE}[r]",
    ),
    _(
        "weights in R are dropped by a generic's method",
        R,
        reword('if (!generic && "..." %in% takes)', 'if ("..." %in% takes)'),
        f"{E}test_weights_that_a_method_would_drop_are_refused[in r]",
    ),
    _(
        "a dot in R stands for what only fit sees",
        R,
        reword("formula <- stats::formula(stats::terms(formula, data = empty))", ""),
        f"{TWICE}[r]",
        f"{COUNTS}[r-weighted]",
    ),
    _(
        "without a formula in R what only fit sees predicts",
        R,
        reword(
            "frame$data <- if (setequal(columns, names(data))) data else data[columns]", "frame$data <- data"
        ),
        f"{E}test_ranger_gets_weights_of_cases[-in r]",
    ),
    _(
        "the exposure predicts in R",
        R,
        reword(
            "predictors <- setdiff(unlist(setup$features), exposure)", "predictors <- unlist(setup$features)"
        ),
        f"{COUNTS}[r-equal rows]",
    ),
    _(
        "counts in R are fitted without their exposure",
        R,
        reword('formula[[right]] <- call("+", formula[[right]], offset)', ""),
        f"{COUNTS}[r-equal rows]",
    ),
    _(
        "an offset in R may be lost",
        R,
        reword("if (nzchar(exposure)) refuse_lost_offset(", "if (FALSE) refuse_lost_offset("),
        f"{LOST}[ranger::ranger-y ~ x-the predictions of ranger::ranger do not grow with the exposure-in r]",
        f"{NO_EXPOSURE}[r]",
    ),
    _(
        "a formula in R may name the exposure",
        R,
        reword("if (exposure %in% all.vars(formula)) {", "if (FALSE) {"),
        f"{LOST}[stats::glm-y ~ x + offset(log(e))-the formula names the exposure 'e': take it out-in r]",
    ),
    _(
        "a formula in R may name what only fit sees",
        R,
        reword("if (length(hidden)) stop(", "if (FALSE) stop("),
        f"{LOST}[stats::glm-y ~ x + seen-the formula predicts from 'seen', which only fit has-in r]",
    ),
    _(
        "an exposure in R needs no formula",
        R,
        reword(
            'if (nzchar(exposure)) stop(setup$target, " has no formula',
            'if (FALSE) stop(setup$target, " has no formula',
        ),
        f"{LOST}[ranger::ranger--ranger::ranger has no formula that an exposure could be the offset of-in r]",
    ),
    _(
        "an exposure in R may be 0",
        R,
        reword("if (nzchar(exposure) && !isTRUE(all(data[[exposure]] > 0))) {", "if (FALSE) {"),
        f"{ZERO}[r]",
    ),
]

IN_JULIA = [
    _(
        "columns of code in Julia are taken by their place",
        JL,
        reword("return getproperty(result, Symbol(name))", "return first(result)"),
        f"{CODE}[julia-rows]",
    ),
    _(
        "a matrix of Julia without names is like any other",
        JL,
        reword('only || throw(ModelError("score', 'true || throw(ModelError("score'),
        f"{OTHER}[julia-unnamed]",
    ),
    _("a model in Julia may lack a class", JL, reword("if !isempty(lacks)", "if false"), f"{CLASSES}[julia]"),
    _(
        "a model in Julia may have a class more",
        JL,
        reword("more > 0 && throw", "false && throw"),
        f"{CLASSES}[julia]",
    ),
    _(
        "probabilities in Julia need no names",
        JL,
        reword('roles.task == "multiclass" && Base', "false && Base"),
        f"{UNNAMED}[julia]",
    ),
    _(
        "every model in Julia gets the first quantile's level",
        JL,
        reword("Symbol(roles.per_quantile), level)", "Symbol(roles.per_quantile), roles.levels[1])"),
        f"{EACH}[julia]",
    ),
    _(
        "quantiles in Julia are taken by their place",
        JL,
        reword("if !all(isnan, said)", "if false"),
        f"{ALL}[julia-tau]",
        f"{ALL}[julia-other]",
    ),
    _(
        "there may be fewer quantiles in Julia",
        JL,
        reword("length(columns) == n || throw", "true || throw"),
        f"{ALL}[julia-few]",
    ),
    _(
        "an argument in Julia may ask for other quantiles",
        JL,
        reword("refuse_levels(arguments, roles)\n    save = ", "save = "),
        f"{ASKED}[julia]",
    ),
    _(
        "weights in Julia are ignored",
        JL,
        reword("push!(options, Pair{Symbol,Any}(:weights, weights))", ""),
        f"{TWICE}[julia]",
    ),
    _(
        "a function in Julia that takes no weights is not named",
        JL,
        reword("!Base.invokelatest(hasmethod, recipe.fit, types, (:weights,))", "false"),
        f"{NONE}[julia]",
        f"{NO_EXPOSURE}[julia]",
    ),
    _(
        "what only fit sees predicts in Julia",
        JL,
        reword(
            "features = chosen(frame, roles.predictors)\n    if !isempty(roles.exposure) ||",
            "features = table(frame.names, frame.columns, n - 1)\n    if !isempty(roles.exposure) ||",
        ),
        f"{TWICE}[julia]",
    ),
    _(
        "the exposure predicts in Julia",
        JL,
        reword("name == exposure || push!(predictors, name)", "push!(predictors, name)"),
        f"{COUNTS}[julia-equal rows]",
    ),
    _(
        "counts in Julia are fitted without their exposure",
        JL,
        reword("rates = Base.invokelatest(Rows.quotients, y, exposure)", "rates = y"),
        f"{COUNTS}[julia-equal rows]",
    ),
    _(
        "weights in Julia are ignored beside an exposure",
        JL,
        reword("isempty(roles.weights) && return rates, exposure", "return rates, exposure"),
        f"{COUNTS}[julia-weighted]",
    ),
    _(
        "rates are scored in the place of counts in Julia",
        JL,
        reword("return fits ? Base.invokelatest(Rows.products, rates, exposure) : rates", "return rates"),
        f"{COUNTS}[julia-equal rows]",
    ),
    _(
        "an exposure in Julia may be 0",
        JL,
        reword("if !Base.invokelatest(Rows.positive, exposure)", "if false"),
        f"{ZERO}[julia]",
    ),
]

MUTATIONS = [*PYTHON, *IN_R, *IN_JULIA]
