"""The contract's models in R; what each case does is said in `models_python.py`."""

from __future__ import annotations

import subprocess
from pathlib import Path

from kronkers_batch.config.spec import Environment, Estimator, Origin

SUFFIX = ".R"

_FIT = "fit <- function(data, params) params\n"
_MEAN = "fit <- function(data, params) mean(data$y)\nscore <- function(model, data) data$x + model\n"
_X = "score <- function(model, data) data$x\n"


def _tries(expression: str) -> str:
    """1 where the expression can be evaluated, else 0, for each row."""
    return f"""{_FIT}score <- function(model, data) {{
    works <- tryCatch({{
        suppressWarnings({expression})
        1
    }}, error = function(e) 0)
    rep(works, nrow(data))
}}
"""


MODELS = {
    "rules": "score <- function(model, data) if (is.null(model)) as.numeric(data$x > 2)\n",
    "echo": _FIT + "score <- function(model, data) data\n",
    "kept": "fit <- function(data, params) data\nscore <- function(model, data) model\n",
    "identity": _FIT + _X,
    "mean": _MEAN,
    "own_storage": _MEAN + "save_model <- function(model, path) cat(sprintf('own:%a', model), file = path)\n"
    "load_model <- function(path) as.numeric(substring(readLines(path, warn = FALSE), 5))\n",
    "described": _MEAN + "describe <- function(model) {\n    cat('the mean is', model, '\\n')\n    'ä'\n}\n",
    "undescribed": _FIT + _X + "describe <- function(model) stop('no words')  # marker\n",
    "misdescribed": _FIT + _X + "describe <- function(model) 7\n",
    "levels": _FIT
    + "score <- function(model, data) data.frame(code = as.integer(data$c), levels = nlevels(data$c))\n",
    "random": "fit <- function(data, params) runif(1) + rnorm(1)\n"
    "score <- function(model, data) data$x + model\n",
    "parameters": """fit <- function(data, params) {
    stopifnot(identical(params$nested, list(1L, list(a = "b c", n = NULL, t = TRUE))))
    stopifnot(identical(params$empty, list()), is.list(params$none), length(params$none) == 0)
    params$factor
}
score <- function(model, data) data$x * model
""",
    "short": _FIT + "score <- function(model, data) data$x[-1]\n",
    "more": _FIT + "score <- function(model, data) c(data$x, 1)\n",
    "texts": _FIT + "score <- function(model, data) rep('high', nrow(data))\n",
    "none": _FIT + "score <- function(model, data) NULL\n",
    "other_columns": _FIT + "score <- function(model, data) list(score = data$x, surprise = data$x)\n",
    "special": _FIT + "score <- function(model, data) c(NaN, Inf, -Inf, NA, data$x[-(1:4)])\n",
    "raise_fit": """fit <- function(data, params) {
    s <- data$s[1]
    stop(sprintf("cannot use '%s' with %s here", s, data$x[1]))  # marker
}
"""
    + _X,
    "raise_score": _FIT
    + """inner <- function(data) {
    if (any(data$x < 0)) {
        stop("negative: \\"", data$s[1], "\\" ", data$x[1], " ", strrep("z", 50000))  # marker
    }
    data$x
}
score <- function(model, data) inner(data)
""",
    "warn": _FIT + "score <- function(model, data) {\n    warning('this is only a warning')\n    data$x\n}\n",
    "noise": _FIT + "score <- function(model, data) {\n"
    "    for (i in seq_len(model$megabytes)) cat(strrep('noise noise\\n', 87382))\n    data$x\n}\n",
    "leak": _FIT
    + "score <- function(model, data) {\n    cat('scoring', data$s[1], 'now\\n')\n    data$x\n}\n",
    "tell_fit": "fit <- function(data, params) stop(paste('bad customer', data$s[2]))\n" + _X,
    "tell_score": _FIT + "score <- function(model, data) stop(paste('bad customer', data$s[1]))\n",
    "tell_print": _FIT + "score <- function(model, data) {\n    message(paste('bad customer', data$s[1]))\n"
    "    message(paste('of the kind', data$c[1]))\n    data$x\n}\n",
    "exit": _FIT + "score <- function(model, data) quit(status = 0)\n",
    # R cannot ignore SIGTERM
    "stubborn": _FIT
    + "score <- function(model, data) repeat tryCatch(Sys.sleep(1), interrupt = function(i) NULL)\n",
    "raise_loading": """
stop("ask for `GLM 7` at desk 'Zebra'")
""",
    "hang_loading": "Sys.sleep(1000)\n" + _FIT + _X,
    "grandchild": _FIT + "score <- function(model, data) {\n"
    "    system(paste('setsid sleep', model$seconds), wait = FALSE)\n    data$x\n}\n",
    "memory": "fit <- function(data, params) rep(1, 1e9)\n" + _X,
    "fork_bomb": _FIT
    + """score <- function(model, data) {
    script <- "i=0; while [ $i -lt 2000 ]; do sleep %s & i=$((i+1)); done 2>/dev/null"
    system(sprintf(script, model$seconds), ignore.stderr = TRUE)
    data$x
}
""",
    "network": _tries("close(socketConnection('127.0.0.1', model$port, open = 'r+', timeout = 2))"),
    "read_files": _FIT
    + """readable <- function(path) {
    tryCatch({
        suppressWarnings(readBin(path, "raw", 1))
        1
    }, error = function(e) 0)
}
score <- function(model, data) vapply(model$paths, readable, 1)
""",
    "doors": """fit <- function(data, params) params$doors
perl <- '@a = map { $_ + 0 } @ARGV; $r = syscall(shift(@a), @a); exit($r == -1 ? $! + 0 : 0)'
run <- function(words) {
    said <- tryCatch(
        suppressWarnings(system2(
            words[1], shQuote(words[-1]), stdout = FALSE, stderr = FALSE, stdin = "/dev/null"
        )),
        error = function(e) 127
    )
    as.numeric(said)
}
opens <- function(path, mode) tryCatch(suppressWarnings({
    file <- file(path, mode, raw = TRUE)
    on.exit(close(file))
    if (mode == "rb") stopifnot(length(readBin(file, "raw", 1)) == 1) else writeBin(charToRaw("x"), file)
    0
}), error = function(e) 1)
one <- function(door) {
    of <- unlist(door$of)
    switch(door$kind,
        call = run(c("perl", "-e", perl, format(of, scientific = FALSE, trim = TRUE))),
        run = run(of), read = opens(of, "rb"), write = opens(of, "ab"))
}
score <- function(model, data) vapply(model, one, 1)
""",
    "processes": _FIT
    + """said <- function(path) {
    bytes <- tryCatch(suppressWarnings(readBin(path, "raw", 1e6)), error = function(e) raw())
    rawToChar(bytes[bytes != 0])
}
score <- function(model, data) {
    paths <- Sys.glob(c("/proc/[0-9]*/cmdline", "/proc/[0-9]*/environ"))
    found <- any(grepl(model$mark, vapply(paths, said, ""), fixed = TRUE, useBytes = TRUE))
    rep(found, nrow(data))
}
""",
    "write_file": _FIT
    + """written <- function(path) {
    tryCatch({
        suppressWarnings(cat("x", file = path))
        1
    }, error = function(e) 0)
}
score <- function(model, data) vapply(model$paths, written, 1)
""",
    "environment": _FIT
    + """score <- function(model, data) {
    variables <- Sys.getenv()
    first <- tryCatch(suppressWarnings(readBin("/proc/1/environ", "raw", 1e6)), error = function(e) raw())
    seen <- paste(c(names(variables), variables, rawToChar(first[first != 0])), collapse = " ")
    rep(grepl(model$mark, seen, fixed = TRUE), nrow(data))
}
""",
    "logistic": """fit <- function(data, params) c(0.7, -1.1, 0.3)
score <- function(model, data) {
    effect <- model[as.integer(data$c)]
    effect[is.na(effect)] <- -0.125
    z <- 0.25 + 1.5 * data$a - 0.75 * data$b + 0.001 * data$n + 0.5 * data$flag + effect
    1 / (1 + exp(-z))
}
""",
    "count_missing": _FIT
    + """missing_in <- function(v) if (is.double(v)) sum(is.na(v) & !is.nan(v)) else sum(is.na(v))
score <- function(model, data) lapply(data, function(v) rep(missing_in(v), nrow(data)))
""",
    "kinds": _FIT
    + """kind <- function(v) {
    first <- function(...) which(c(...))[1]
    time <- inherits(v, "POSIXct")
    first(is.numeric(v), is.logical(v), inherits(v, "Date"), time, is.character(v), is.factor(v))
}
score <- function(model, data) lapply(data, function(v) rep(kind(v), nrow(data)))
""",
    "classes": _FIT
    + "score <- function(model, data) lapply(data, function(v) rep(class(v)[1], nrow(data)))\n",
    "own_package": "library(kbown)\n" + _FIT + "score <- function(model, data) rep(answer(), nrow(data))\n",
    "bootstrap": "fit <- function(data, params) mean(sample(data$y, replace = TRUE)) + rnorm(1)\n"
    "score <- function(model, data) data$x + model\n",
    "no_package": _FIT + "score <- function(model, data) { library(churnlib); data$x }\n",
    "wrong_type": _FIT + "score <- function(model, data) {\n"
    "    predict(structure(list(data$s), class = 'ksvm'), data)\n}\n",
    "outside": "mean_of_y <- 0\nfit <- function(data, params) { mean_of_y <<- mean(data$y); 1 }\n"
    "score <- function(model, data) rep(mean_of_y, nrow(data))\n",
    "forgetful": "fit <- function(data, params) list(mean = mean(data$y), extra = 10)\n"
    "score <- function(model, data) rep(sum(unlist(model)), nrow(data))\n"
    "save_model <- function(model, path) saveRDS(model$mean, path)\n"
    "load_model <- function(path) list(mean = readRDS(path))\n",
    "attached": "fit <- function(data, params) { library(splines); 1 }\n"
    "score <- function(model, data) data$x + 0 * bs(data$x, df = 4)[, 1]\n",
    "numbered": "fit <- function(data, params) as.numeric(tapply(data$y, as.character(data$c), mean))\n"
    "score <- function(model, data) {\n    p <- model[as.integer(factor(as.character(data$c)))]\n"
    "    p[is.na(p)] <- 0\n    p\n}\n",
    "several": _FIT + "score <- function(model, data) sapply(data[c('x', 'x')], as.numeric)[, 'x']\n",
    "alike": _FIT + "score <- function(model, data) {\n"
    "    alike <- nrow(data) > 1 && length(unique(data$c)) == 1\n    data$x + 100 * alike\n}\n",
    "dice": _FIT + "score <- function(model, data) data$x + runif(nrow(data))\n",
    "restless": _FIT + "score <- function(model, data) data$x + as.numeric(Sys.time()) %% 1000\n",
    "unscored": _FIT + "score <- function(model, data) ifelse(data$x <= model$above, data$x, NaN)\n",
    "strict": _FIT + "score <- function(model, data) {\n"
    "    if (anyNA(data$c)) stop('no level')\n    data$x\n}\n",
    "beside": "source('double.R')\n" + _FIT + "score <- function(model, data) data$x * factor_of()\n",
    "rate": "fit <- function(data, params) {\n"
    "    stopifnot(identical(names(data), c('x', 'e', 'w', 'seen', 'y')))\n"
    "    sum(data$w * data$y) / sum(data$w * data$e)\n}\n"
    "score <- function(model, data) {\n    stopifnot(identical(names(data), c('x', 'e')))\n"
    "    data$e * model\n}\n",
    "columns": _FIT + "score <- function(model, data, params) {\n"
    "    m <- outer(data$x, seq_len(params$count) - 1, '+')\n"
    "    if (!length(params$names)) return(m)\n    colnames(m) <- params$names\n"
    "    drop(m)  # as many packages do: of one row it makes a vector\n}\n",
    "syntax": "fit <- function(data, params) 1\nscore <- function(model, data {\n    2\n}\n",
    "incomplete": "fit <- function(data, params) 1\n",
    "nothing": "fit <- function(data, params) NULL\n" + _X,
}

ESTIMATOR = Estimator("stats::lm", {"model": False}, "y ~ .", Origin("conf/model/m.yaml", 3, "estimator"))
"""A linear regression with intercept of y on all features, without code."""

_ORIGIN = Origin("conf/model/m.yaml", 3, "estimator")
_RESPONSE = {"type": "response"}

ESTIMATORS = {
    "line": ESTIMATOR,
    "unweighted": Estimator("kbfits::unweighted", {}, "y ~ .", _ORIGIN),
    "counts": Estimator(
        "stats::glm", {"family": "poisson", "epsilon": 1e-14}, "y ~ .", _ORIGIN, predict_arguments=_RESPONSE
    ),
    "shares": Estimator("kbfits::shares", {}, "y ~ .", _ORIGIN),
    "level": Estimator("kbfits::level", {}, "y ~ .", _ORIGIN, per_quantile="tau"),
    "near": Estimator("kbfits::near", {}, "~ .", _ORIGIN),
}


def picked(columns: list[str], *, named: bool) -> Estimator:
    return Estimator("kbfits::pick", {"columns": columns, "named": named}, "", _ORIGIN)


# `drops` is a generic that hands its arguments on to methods which ignore them, as MASS::lda is.
# What `shares` predicts is shaped as other packages do it.
_KBFITS = {
    "unweighted": "function(formula, data) stats::lm(formula, data)",
    "drops": "function(x, ...) UseMethod('drops')",
    "drops.formula": "function(formula, data, ...) stats::lm(formula, data)",
    "hands_on": """function(formula, ...) {
    call <- match.call()
    call[[1L]] <- quote(stats::lm)
    eval(call, parent.frame())
}""",
    "shares": """function(formula, data, weights, shape = "matrix") {
    call <- match.call(expand.dots = FALSE)
    call <- call[c(1L, match(c("formula", "data", "weights"), names(call), 0L))]
    call[[1L]] <- quote(stats::model.frame)
    frame <- eval(call, parent.frame())
    w <- stats::model.weights(frame)
    if (is.null(w)) w <- rep(1, nrow(frame))
    sums <- tapply(w, droplevels(stats::model.response(frame)), sum)
    structure(list(shares = rev(sums / sum(sums)), shape = shape), class = "shares")
}""",
    "predict.shares": """function(object, newdata, ...) {
    m <- matrix(object$shares, nrow(newdata), length(object$shares), byrow = TRUE,
                dimnames = list(NULL, names(object$shares)))
    switch(object$shape, matrix = m, dropped = drop(m), posterior = list(class = 1, posterior = m),
           frame = as.data.frame(m), unnamed = unname(m), one = m[, 1],
           classes = factor(colnames(m)[max.col(m)]))
}""",
    "level": """function(formula, data, tau) {
    y <- stats::model.response(stats::model.frame(formula, data))
    structure(list(y = stats::quantile(y, tau, type = 1, names = FALSE)), class = "level")
}""",
    "predict.level": "function(object, newdata, ...) rep(object$y, nrow(newdata))",
    "near": """function(formula, data, weights) {
    x <- stats::model.matrix(formula, data)[, -1L, drop = FALSE]
    w <- if (missing(weights)) rep(1, nrow(data)) else eval(substitute(weights), data)
    structure(list(center = colSums(x * w) / sum(w)), class = "near")
}""",
    "predict.near": "function(object, newdata, ...) -abs(newdata[[1L]] - object$center[[1L]])",
    "alone": "function(data) structure(list(center = mean(data[[1L]])), class = 'near')",
    "pick": "function(data, columns, named) structure(list(columns, named), class = 'pick')",
    "predict.pick": """function(object, newdata, ...) {
    m <- as.matrix(newdata[object[[1]]])
    if (object[[2]]) m else unname(m)
}""",
}


def estimator_environment(folder: Path) -> Environment:
    install_package(folder / "library", "kbfits", _KBFITS)
    return Environment(library=str(folder / "library"))


MISSING_ESTIMATOR = Estimator("nowhere::found", {}, "", Origin("conf/model/m.yaml", 3, "estimator"))

EQUAL_CODE = (
    "x <- 1  # one\n\n\nf=function(a,b){\n  # Says.\n  return(a+b)\n}\n",
    "x<-1\nf = function(a, b) { return(a + b) }",
)
OTHER_CODE = "x <- 1\nf=function(a,b){\n  return(a-b)\n}\n"
BROKEN_CODE = "f <- function( {\n"


LOCK = "renv.lock"


def own_environment(folder: Path) -> tuple[Environment, dict[str, str]]:
    """A library whose one package is a link to where it was built."""
    built = install_package(folder / "cache", "kbown", {"answer": "function() 42"})
    library = folder / "library"
    library.mkdir()
    (library / "kbown").symlink_to(built)
    (folder / LOCK).write_text("{}\n")
    return Environment(library=str(library)), {}


def install_package(library: Path, name: str, functions: dict[str, str]) -> Path:
    """Version 1.2.3 of a package of these functions, installed into a folder that every user may read."""
    source = library.with_name(f"{library.name}-source") / name
    (source / "R").mkdir(parents=True)
    library.mkdir(exist_ok=True)
    (source / "DESCRIPTION").write_text(
        f"Package: {name}\nVersion: 1.2.3\nTitle: T\nDescription: D.\nLicense: CC0\n"
        "Author: A\nMaintainer: A <a@example.org>\n"
    )
    methods = {name: name.partition(".") for name in functions if "." in name}
    (source / "NAMESPACE").write_text(
        "importFrom(stats, predict)\n"
        + "".join(f"export({name})\n" for name in functions if name not in methods)
        + "".join(f"S3method({generic}, {kind})\n" for generic, _, kind in methods.values())
    )
    (source / "R" / "a.R").write_text("".join(f"{name} <- {body}\n" for name, body in functions.items()))
    install = ["R", "--vanilla", "CMD", "INSTALL", "--no-docs", "--no-test-load", f"--library={library}"]
    subprocess.run([*install, str(source)], check=True, capture_output=True)
    for path in (library.parent, library, *library.rglob("*")):
        path.chmod(path.stat().st_mode | 0o055 if path.is_dir() else 0o644)
    return library / name


def plant_startup(folder: Path) -> dict[str, str]:
    """Writes a start-up file that prints SURPRISE; gives the environment variables that would make it run."""
    profile, environ = folder / ".Rprofile", folder / ".Renviron"
    profile.write_text("cat('SURPRISE\\n')\n")
    environ.write_text(f"R_PROFILE_USER={profile}\n")
    return {
        "HOME": str(folder),
        "R_PROFILE": str(profile),
        "R_PROFILE_USER": str(profile),
        "R_ENVIRON_USER": str(environ),
    }
