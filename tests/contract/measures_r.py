"""Measures in R; see `measures_python.py`."""

SUFFIX = ".R"
MEASURES = {
    "cost": """\
loss <- function(truth, score, data) {
    stopifnot(identical(names(score), c("home", "l\u00e9gal aid", "motor")))
    stopifnot(identical(levels(truth), names(score)), identical(names(data), c("region", "minutes", "n")))
    given <- as.matrix(score)[cbind(seq_along(truth), as.integer(truth))]
    minutes <- ifelse(is.na(data$minutes), 1, data$minutes)
    (1 - given) * minutes + 0.1 * (data$region %in% "north") + data$n / 8
}
""",
    "review": """\
metric <- function(truth, score, data) {
    hits <- names(score)[max.col(as.matrix(score), "first")] == truth
    list(cost_per_claim = sum(data$n * !hits) / nrow(data), hits = mean(hits))
}
""",
    "single": "loss <- function(truth, score, data) abs(score - truth) * data$n\n",
    "yes": """\
metric <- function(truth, score, data) {
    stopifnot(is.logical(truth))
    c(hits = sum((score > 0.5) == truth))
}
""",
    "raises": """\
helper <- function(truth) {
    stop("odd value ", truth[1], " of a claim")  # here
}
loss <- function(truth, score, data) {
    helper(truth)
}
""",
    "short": "loss <- function(truth, score, data) c(1, 2)\n",
    "missing": "loss <- function(truth, score, data) ifelse(score < 3, truth, NA)\n",
    "infinite": "metric <- function(truth, score, data) list(hits = Inf, cost = 1L)\n",
    "table": "loss <- function(truth, score, data) list(loss = truth)\n",
    "text": "loss <- function(truth, score, data) as.character(truth)\n",
    "chance": "loss <- function(truth, score, data) truth * 0 + runif(1)\n",
    "ranked": "loss <- function(truth, score, data) truth + 0.001 * seq_along(truth)\n",
    "relative": "loss <- function(truth, score, data) truth / mean(truth)\n",
    "first": "metric <- function(truth, score, data) list(hits = truth[1], cost = 1)\n",
    "lacks": "metric <- function(truth, score, data) c(cost = 1)\n",
    "more": "metric <- function(truth, score, data) list(cost = 1, hits = 1, extra = 1)\n",
    "vague": "metric <- function(truth, score, data) list(cost = 'cheap', hits = 1)\n",
    "unnamed": "metric <- function(truth, score, data) c(1, 2)\n",
    # It takes its turn after others, which R still has.
    "nothing": "rm(list = ls())\nscore <- function(truth, score, data) truth\n",
    "broken": "x <- 1\nloss <- function(truth, score, data { truth }\n",
}
