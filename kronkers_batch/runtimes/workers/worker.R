# The R worker: one model, one process, two pipes.
#
#   Rscript --vanilla -e 'sys.source(commandArgs(TRUE)[1L], new.env(parent = baseenv()))' worker.R COMMANDS ANSWERS
#
# It reads commands from the first pipe and writes answers to the second, as docs/reference/worker-protocol.md
# describes. Base R alone (base, stats, utils, methods). What the model prints goes to standard output and
# standard error, which are not the pipes.
#
# The file is sourced into an environment of its own whose parent is baseenv(): the model's code is evaluated
# in globalenv(), so that its functions, classes and formulas serialise as references and its methods are
# found, and nothing that it defines there (`c`, `paste`, `T`) can get in the worker's way.

options(warn = 1L, keep.source = TRUE, show.error.messages = TRUE)

pipes <- utils::tail(commandArgs(trailingOnly = TRUE), 2L)
# raw = TRUE: no look-ahead for compression, and readBin goes straight to read(2) for big buffers. A FIFO
# connection and reading bytes first and converting them were measured too: equal, and a quarter slower.
commands <- file(pipes[1L], open = "rb", raw = TRUE)
answers <- file(pipes[2L], open = "wb", raw = TRUE)

state <- new.env(parent = emptyenv())
state$seed <- 1L            # set anew before every fit and score
state$threads <- 1L
state$scratch <- tempdir()  # the one folder that can be written
state$setup <- NULL         # the arguments of `model`
state$fit <- NULL           # function(data) -> model
state$score <- NULL         # function(model, data) -> result
state$save <- NULL          # save_model and load_model of the code, or NULL
state$load <- NULL
state$accept <- NULL        # function(model) that refuses what a declared estimator could not have fitted
state$describe <- NULL      # of the code, or NULL
state$summary <- NULL       # of a declared estimator, as it was before it was made lighter
state$measure <- NULL       # function(truth, score, data) -> result, of an own measure
state$model <- NULL         # what fit returned, or load read
state$fitted <- FALSE       # whether there is one
state$depth <- NA_integer_  # number of the worker's own frames under the model's, while that runs
state$warned <- character() # warnings that were printed
state$place <- 0L           # line of the model's code at which it raised an error; 0 if unknown
state$trace <- character()  # functions and lines on the stack then
state$line <- 0L            # line of the expression of the code file that is being loaded


# ---------------------------------------------------------------- text

SAFE <- c(utf8ToInt("A"):utf8ToInt("Z"), utf8ToInt("a"):utf8ToInt("z"), utf8ToInt("0"):utf8ToInt("9"),
          utf8ToInt("."), utf8ToInt("_"), utf8ToInt("~"), utf8ToInt("-"))
ENCODED <- sprintf("%%%02X", 0:255)                 # indexed by byte + 1
ENCODED[SAFE + 1L] <- vapply(SAFE, intToUtf8, "")
ENCODED[1L] <- "\n"                                 # the end of a string: R's strings hold no NUL
HEX <- integer(256L)
HEX[utf8ToInt("0"):utf8ToInt("9") + 1L] <- 0:9
HEX[utf8ToInt("A"):utf8ToInt("F") + 1L] <- 10:15
HEX[utf8ToInt("a"):utf8ToInt("f") + 1L] <- 10:15
PERCENT <- charToRaw("%")
LF <- charToRaw("\n")

# Percent-encoded strings, each followed by LF, in one string.
encode_lines <- function(x) {
    x <- enc2utf8(x)
    if (!all(validUTF8(x))) stop("a string is not valid UTF-8; convert it with iconv() or enc2utf8()")
    bytes <- as.integer(writeBin(x, raw(), useBytes = TRUE))  # each string ends with a NUL
    paste(ENCODED[bytes + 1L], collapse = "")
}

encode <- function(x) {
    if (!length(x)) return(character())
    text <- strsplit(encode_lines(x), "\n", fixed = TRUE)[[1L]]
    if (length(text)) text else ""
}

# The strings in a buffer of n percent-encoded lines. All at once, on bytes: a column may have 65,536 of them.
decode_lines <- function(bytes, n) {
    if (n == 0L) return(character())
    ends <- which(bytes == LF)
    at <- which(bytes == PERCENT)
    bytes[ends] <- as.raw(0L)
    if (length(at)) {
        value <- HEX[as.integer(bytes[at + 1L]) + 1L] * 16L + HEX[as.integer(bytes[at + 2L]) + 1L]
        if (any(value == 0L)) stop("a string holds a NUL character, which R's strings cannot")
        bytes[at] <- as.raw(value)
        bytes <- bytes[-c(at + 1L, at + 2L)]
    }
    text <- readBin(bytes, "character", n)
    Encoding(text) <- "UTF-8"
    text
}

decode <- function(x) decode_lines(charToRaw(paste0(x, "\n", collapse = "")), length(x))

whole <- function(x) sprintf("%.0f", x)  # a count: never in scientific notation


# ---------------------------------------------------------------- reading

# The parent is gone, or has said all it wants.
end <- function(status = 0L) quit(save = "no", status = status, runLast = FALSE)

read_line <- function() {
    line <- readLines(commands, 1L, warn = FALSE)
    if (!length(line)) end()
    line
}

fields <- function(line) strsplit(paste0(line, "\t."), "\t", fixed = TRUE)[[1L]]  # keeps a last empty field

read_exactly <- function(what, n, size = NA_integer_) {
    x <- readBin(commands, what, n, size = size, endian = "little")
    if (length(x) < n) end()
    x
}

read_bytes <- function(n) {
    most <- 2^28
    if (n <= most) return(read_exactly("raw", n))
    all <- raw(n)
    for (from in seq(0, n - 1, by = most)) {
        size <- min(most, n - from)
        all[from + seq_len(size)] <- read_exactly("raw", size)
    }
    all
}

# One column as it lies on the pipe; column_vector() makes R's vector of it. Nothing is checked while reading,
# so that a message is always read to its end before anything can fail.
read_column <- function(head, nrows) {
    type <- head[2L]
    values <- switch(type,
        f8 = , ts = read_exactly("double", nrows),
        f4 = read_exactly("double", nrows, 4L),
        i4 = , d4 = , c4 = , s4 = read_exactly("integer", nrows),
        read_bytes(as.numeric(head[4L])))
    coded <- type == "c4" || type == "s4"
    mask <- if (!coded && as.numeric(head[3L]) > 0) as.logical(read_exactly("raw", nrows))
    nlevels <- as.integer(head[5L])
    list(name = head[1L], type = type, values = values, mask = mask, nlevels = nlevels,
         levels = read_bytes(as.numeric(head[6L])))
}

# The next frame or blob; NULL at the line that ends parts whose number was not known beforehand.
read_part <- function() {
    head <- fields(read_line())
    if (head[1L] == "end") return(NULL)
    if (head[1L] == "blob") return(read_bytes(as.numeric(head[2L])))
    ncolumns <- as.integer(head[2L])
    nrows <- as.integer(head[3L])
    lines <- if (ncolumns) readLines(commands, ncolumns, warn = FALSE) else character()
    if (length(lines) < ncolumns) end()
    list(nrows = nrows, columns = lapply(lines, function(line) read_column(fields(line), nrows)))
}

read_message <- function() {
    head <- fields(read_line())
    if (head[1L] != "KB1") {
        message("worker.R: not a KB1 message; the parent and this worker are of different versions")
        end(65L)
    }
    nargs <- as.integer(head[3L])
    lines <- if (nargs) readLines(commands, nargs, warn = FALSE) else character()
    if (length(lines) < nargs) end()
    open <- head[4L] == "*"
    parts <- list()
    while (open || length(parts) < as.integer(head[4L])) {
        part <- read_part()
        if (is.null(part)) break
        parts[[length(parts) + 1L]] <- part
    }
    list(verb = head[2L], arguments = lines, parts = parts)
}

# An int64 in decimal: R's integer where it fits, else a double where that is exact.
parse_integer <- function(text) {
    value <- as.numeric(text)
    if (abs(value) > 2^53) stop("an integer in the configuration is beyond 2^53, which R cannot hold exactly")
    if (abs(value) <= .Machine$integer.max) as.integer(value) else value
}

parse_scalar <- function(kind, value) {
    switch(kind,
        s = decode(value),
        i = parse_integer(value),
        f = switch(value, nan = NaN, inf = Inf, `-inf` = -Inf, as.numeric(value)),
        b = value == "true",
        n = NULL,
        stop("unknown kind of argument: ", kind))
}

# What the YAML's list becomes: an atomic vector where all elements are scalars of one kind (integers and
# floats mix; null is NA), as c() would make it; else a list. An empty list is list().
simplify <- function(values, kinds) {
    scalar <- setdiff(unique(kinds), "n")
    mixes <- length(scalar) == 1L || setequal(scalar, c("i", "f"))
    if (!mixes || !all(scalar %in% c("s", "i", "f", "b"))) return(values)
    values[kinds == "n"] <- list(NA)
    unlist(values, use.names = FALSE)
}

# The nested list of a message's arguments. A mapping is a named list and keeps its NULLs.
parse_arguments <- function(lines) {
    if (!length(lines)) return(list())
    rows <- strsplit(paste0(lines, "\t."), "\t", fixed = TRUE)
    path <- vapply(rows, `[`, "", 1L)
    kind <- vapply(rows, `[`, "", 2L)
    value <- vapply(rows, `[`, "", 3L)
    key <- sub("^.*/", "", path)
    parent <- ifelse(grepl("/", path, fixed = TRUE), sub("/[^/]*$", "", path), NA_character_)
    build <- function(i) {
        if (!kind[i] %in% c("l", "m")) return(parse_scalar(kind[i], value[i]))
        inside <- which(parent == path[i])
        if (kind[i] == "l") {
            inside <- inside[order(as.integer(key[inside]))]
            return(simplify(lapply(inside, build), kind[inside]))
        }
        structure(lapply(inside, build), names = if (length(inside)) decode(key[inside]) else character())
    }
    top <- which(is.na(parent))
    structure(lapply(top, build), names = decode(key[top]))
}


# ---------------------------------------------------------------- frames to data.frames

# The rows of one column over several frames, without its class.
column_part <- function(column) {
    x <- column$values
    if (column$type == "s4") return(decode_lines(column$levels, column$nlevels)[x])
    if (column$type == "b1") x <- as.logical(x)
    if (column$type == "i8" || column$type == "t8") stop("R has no 64-bit integers: they travel as f8 and ts")
    if (!is.null(column$mask)) x[column$mask] <- NA  # a NaN that is no null stays a NaN
    x
}

with_class <- function(x, column) {
    switch(column$type,
        c4 = structure(x, levels = decode_lines(column$levels, column$nlevels), class = "factor"),
        d4 = structure(as.double(x), class = "Date"),
        ts = structure(x, class = c("POSIXct", "POSIXt"), tzone = "UTC"),
        x)
}

# One data.frame of all rows. Made by structure(): data.frame() would copy, rename and deparse.
as_data <- function(frames) {
    nrows <- sum(vapply(frames, function(frame) frame$nrows, 0L))
    first <- frames[[1L]]$columns
    names <- decode(vapply(first, function(column) column$name, ""))
    data <- vector("list", length(first))
    for (j in seq_along(first)) {
        parts <- lapply(frames, function(frame) column_part(frame$columns[[j]]))
        x <- if (length(parts) == 1L) parts[[1L]] else unlist(parts, use.names = FALSE)
        data[[j]] <- with_class(x, first[[j]])
        frames <- lapply(frames, function(frame) {  # lets the parts go: the peak is the data and one column
            frame$columns[[j]]$values <- NULL
            frame
        })
    }
    structure(data, names = if (length(names)) names else character(), class = "data.frame",
              row.names = .set_row_names(nrows))
}


# ---------------------------------------------------------------- results to frames

# What is written of one vector: type, values, size in bytes of one, null mask (logical) or NULL, levels.
outgoing <- function(x, name) {
    if (inherits(x, "POSIXlt")) x <- as.POSIXct(x)
    plain <- function(type, x, size) {
        # A NaN is a value, except in a timestamp, which has none.
        mask <- if (anyNA(x)) is.na(x) & (type == "ts" | !is.nan(x))
        if (!any(mask)) mask <- NULL
        list(type = type, values = x, size = size, mask = mask, nulls = sum(mask), levels = NULL)
    }
    coded <- function(type, codes, levels) {
        list(type = type, values = codes, size = 4L, mask = NULL, nulls = sum(is.na(codes)), levels = levels)
    }
    if (is.factor(x)) return(coded("c4", as.integer(x), levels(x)))
    if (inherits(x, "Date")) return(plain("d4", as.integer(floor(as.double(x))), 4L))
    if (inherits(x, "POSIXct")) return(plain("ts", as.double(x), 8L))
    if (is.character(x)) {
        levels <- unique(x[!is.na(x)])
        return(coded("s4", match(x, levels), levels))
    }
    if (is.logical(x)) {
        column <- plain("b1", as.vector(x), 1L)
        column$values[column$mask] <- FALSE
        column$values <- as.raw(column$values)
        return(column)
    }
    # as.double(), as.integer() drop names and dimensions, and know classes such as bit64's integer64.
    if (is.integer(x) && !is.object(x)) return(plain("i4", as.integer(x), 4L))
    if (is.numeric(x) || inherits(x, "integer64")) return(plain("f8", as.double(x), 8L))
    stop("score returned a ", class(x)[1L], " for '", name, "'; it must be a vector of numbers, logicals, ",
         "strings, a factor, Date or POSIXct")
}

# The names of so many rows; kept, since making them takes longer than most models.
row_names <- function(nrows) {
    if (length(state$row_names) < nrows) state$row_names <- as.character(seq_len(nrows))
    if (length(state$row_names) == nrows) state$row_names else state$row_names[seq_len(nrows)]
}

# Refuses values whose names say that they stand in another order than the rows. What sorts or splits rows keeps
# their names (behind the groups' names and a dot), and predict() gives them to its values. Others say nothing.
in_order <- function(x, nrows, by = "score") {
    names <- if (is.data.frame(x)) {
        if (.row_names_info(x) > 0L) attr(x, "row.names")
    } else if (is.matrix(x)) rownames(x) else names(x)
    own <- row_names(nrows)
    if (nrows == 0L || length(names) != nrows || identical(names <- as.character(names), own)) return(NULL)
    names <- sub("^.*[.]", "", names)
    if (!identical(names, own) && identical(sort(as.integer(names[names %in% own])), seq_len(nrows))) {
        stop(by, " returned its values in another order than the rows, as their names say; return them in ",
             "the order of the data: x[rownames(data)]")
    }
}

# The declared columns of what score returned.
result_columns <- function(result, outputs, nrows) {
    if (is.atomic(result) || is.data.frame(result)) in_order(result, nrows)
    listed <- function(names) paste0("'", utils::head(names, 20L), "'", collapse = ", ")
    if (nrows == 1L && length(outputs) > 1L && is.atomic(result) && is.null(dim(result)) &&
        setequal(names(result), outputs)) {
        result <- as.list(result)  # many predict methods make a named vector of one row
    }
    if (is.matrix(result) && length(outputs) > 1L) {
        if (is.null(colnames(result))) {
            stop("score returned a matrix without names; name the columns: ", listed(outputs))
        }
        result <- structure(lapply(seq_len(ncol(result)), function(j) result[, j]), names = colnames(result))
    }
    if (is.list(result) && !inherits(result, "POSIXlt")) {
        missing <- setdiff(outputs, names(result))
        if (length(missing) && length(outputs) == 1L && !is.data.frame(result)) {
            kind <- setdiff(class(result), "list")
            stop("score returned a list", if (length(kind)) paste0(" of the class '", kind[1L], "'"),
                 if (length(names(result))) paste0(" with the parts ", listed(names(result))),
                 "; it must return one number a row, or a list with '", outputs, "'")
        }
        if (length(missing)) {
            has <- if (length(names(result))) listed(names(result)) else "none with a name"
            changed <- all(missing != make.names(missing) & make.names(missing) %in% names(result))
            stop("score returned no column ", listed(missing), "; its columns are: ", has,
                 if (changed) "; data.frame() keeps these names with check.names = FALSE")
        }
        more <- setdiff(names(result), outputs)
        if (length(more)) stop("score returned columns that are not declared: ", listed(more))
        columns <- lapply(outputs, function(name) result[[name]])
    } else if (length(outputs) > 1L) {
        stop("score returned a plain vector, but these columns are declared: ", listed(outputs))
    } else {
        columns <- list(result)
    }
    for (j in seq_along(columns)) {
        x <- columns[[j]]
        if (is.list(result) && !is.data.frame(result)) in_order(x, nrows)
        if (is.matrix(x) && ncol(x) != 1L) {
            stop("score returned a matrix of ", ncol(x), " columns for the one column '", outputs[j], "'")
        }
        if (is.null(x) || !is.atomic(x) && !inherits(x, "POSIXlt")) {
            stop("score returned a ", class(x)[1L], " for '", outputs[j], "'; it must be a vector")
        }
        if (length(x) != nrows) {
            stop("score returned ", length(x), " values of '", outputs[j], "' for ", nrows, " rows")
        }
    }
    columns
}


# ---------------------------------------------------------------- writing

# Writes one vector's bytes; writeBin takes at most 2^31 - 1 of them at a time.
write_values <- function(x, size = NA_integer_) {
    most <- 2^27
    if (length(x) <= most) return(writeBin(x, answers, size = size, endian = "little", useBytes = TRUE))
    for (from in seq(0, length(x) - 1, by = most)) {
        writeBin(x[from + seq_len(min(most, length(x) - from))], answers, size = size, endian = "little")
    }
}

write_text <- function(...) writeBin(charToRaw(paste0(..., collapse = "")), answers)

# An answer's arguments: named scalars; a vector with attribute "kind" l or m is written with its elements.
argument_lines <- function(arguments) {
    one <- function(path, x) {
        kind <- if (is.character(x)) "s" else if (is.logical(x)) "b" else "i"
        text <- switch(kind, s = encode(x), b = if (x) "true" else "false", i = whole(x))
        paste(path, kind, text, sep = "\t")
    }
    unlist(lapply(names(arguments), function(name) {
        x <- arguments[[name]]
        kind <- attr(x, "kind")
        if (is.null(kind)) return(one(name, x))
        keys <- if (kind == "l") seq_along(x) - 1L else encode(names(x))
        c(paste(name, kind, "", sep = "\t"),
          vapply(seq_along(x), function(i) one(paste0(name, "/", keys[i]), x[[i]]), ""))
    }))
}

write_answer <- function(verb, arguments = list(), parts = 0L) {
    lines <- argument_lines(arguments)
    write_text(c(paste("KB1", verb, length(lines), parts, sep = "\t"), lines), "\n")
}

write_blob <- function(bytes) {
    write_text("blob\t", whole(length(bytes)), "\n")
    write_values(bytes)
}

write_frame <- function(names, columns, nrows) {
    levels <- lapply(columns, function(column) {
        if (length(column$levels)) charToRaw(encode_lines(column$levels)) else raw()
    })
    heads <- vapply(seq_along(columns), function(j) {
        column <- columns[[j]]
        paste(encode(names[j]), column$type, whole(column$nulls), whole(nrows * column$size),
              length(column$levels), length(levels[[j]]), sep = "\t")
    }, "")
    write_text(c(paste("frame", length(columns), whole(nrows), sep = "\t"), heads), "\n")
    for (j in seq_along(columns)) {
        write_values(columns[[j]]$values)
        if (!is.null(columns[[j]]$mask)) write_values(as.raw(columns[[j]]$mask))
        write_values(levels[[j]])
    }
}


# ---------------------------------------------------------------- the model: code

# Changes into a folder that may be written to, and in which the files of the code's folder are found: so
# source("helpers.R") finds what lies beside the code.
work_beside <- function(folder) {
    place <- tempfile("work-", state$scratch)
    dir.create(place)
    names <- list.files(folder)
    file.symlink(file.path(folder, names), file.path(place, names))
    setwd(place)
}

# Evaluates a code file in globalenv(), expression by expression, remembering lines for errors. What it returns finds
# the functions that the file defines.
run_file <- function(path) {
    work_beside(dirname(path))
    code <- parse(path, keep.source = TRUE, encoding = "UTF-8")
    lines <- attr(code, "srcref")
    for (i in seq_along(code)) {
        state$line <- lines[[i]][1L]
        eval(code[[i]], globalenv())
    }
    state$line <- 0L
    function(name) get0(name, envir = globalenv(), mode = "function", inherits = FALSE)
}

load_code <- function(path, params, learns = TRUE) {
    defined <- run_file(path)
    fit <- defined("fit")
    score <- defined("score")
    imported <- isTRUE(state$setup$imported)
    fits <- learns && !imported
    if (is.null(fit) && fits) stop("the code defines no function fit(data, params)")
    if (is.null(score)) stop("the code defines no function score(model, data)")
    for (name in if (!learns) c("fit", "save_model", "load_model")) {
        if (!is.null(defined(name))) {
            stop("rules learn nothing, and the code has a function '", name, "'; remove it, or declare the task ",
                 "that says what is learned")
        }
    }
    second <- if (fits) as.list(formals(fit))[-1L]
    if (length(second) && !identical(names(second)[1L], "params") && is.atomic(second[[1L]]) &&
        !is.null(second[[1L]])) {
        stop("fit would get the params as '", names(second)[1L], "', which has a default of its own; call it params")
    }
    state$fit <- function(data) {
        if (learns) if (length(formals(fit)) > 1L) fit(data, params) else fit(data)
    }
    takes_params <- "params" %in% names(formals(score))
    state$score <- function(model, data, future) {  # of series, data is their history
        if (!missing(future)) {
            if (takes_params) score(model, data, future, params = params) else score(model, data, future)
        } else if (takes_params) score(model, data, params = params) else score(model, data)
    }
    state$save <- defined("save_model")
    state$load <- defined("load_model")
    state$describe <- defined("describe")
    state$summary <- NULL
    if (!imported && is.null(state$save) != is.null(state$load)) {
        stop("the code defines one of save_model(model, path) and load_model(path); it needs both or none")
    }
}


# ---------------------------------------------------------------- own measures

# The code of a measure of the department's own: its file has the function loss or metric, and no model.
load_measure <- function(path, name) {
    state$measure <- run_file(path)(name)
    if (is.null(state$measure)) stop("the code defines no function ", name, "(truth, score, data)")
}

# What loss returned: one number for each row. A missing one is NaN, which the parent refuses.
one_a_row <- function(result, nrows) {
    if (is.list(result) || is.matrix(result) && ncol(result) != 1L) {
        stop("loss returned a ", class(result)[1L], "; it must return one number for each row")
    }
    in_order(result, nrows, "loss")
    if (!is.numeric(result) && !is.logical(result)) stop("loss must return numbers")
    if (length(result) != nrows) {
        stop("loss returned ", length(result), " instead of ", nrows, " numbers, one for each row")
    }
    list(loss = as.double(result))
}

# What metric returned, by the declared names: each must be there, and no others.
numbers_by_name <- function(result, names) {
    if (is.null(names(result))) stop("metric must return numbers by their names, as a list")
    result <- as.list(result)
    lacks <- setdiff(names, names(result))
    if (length(lacks)) stop("metric did not return: ", paste(lacks, collapse = ", "))
    more <- length(result) - length(names)
    if (more > 0L) stop("metric returned ", more, " numbers that are not declared")
    for (name in names) {
        value <- result[[name]]
        if (length(value) != 1L || !(is.numeric(value) || is.logical(value))) {
            stop("metric must return a number for ", name)
        }
    }
    lapply(result[names], as.double)
}


# ---------------------------------------------------------------- the model: a declared estimator

# package::function, from a package that is attached, so that a formula may use what it exports.
resolve <- function(target) {
    parts <- strsplit(target, "::", fixed = TRUE)[[1L]]
    if (length(parts) != 2L || !all(nzchar(parts))) stop("'", target, "' is not of the form package::function")
    suppressPackageStartupMessages(library(parts[1L], character.only = TRUE))
    f <- getExportedValue(parts[1L], parts[2L])
    if (!is.function(f)) stop("'", target, "' is not a function")
    list(value = f, call = call("::", as.name(parts[1L]), as.name(parts[2L])))
}

# Formulas belong to globalenv(): columns are found in the data first, and the environment costs nothing to save.
as_formula <- function(text) stats::as.formula(text, env = globalenv())

# The declared number of threads for functions that would otherwise take all cores, as ranger does.
with_threads <- function(arguments, f) {
    if ("num.threads" %in% names(formals(f)) && is.null(arguments$num.threads)) {
        arguments$num.threads <- state$threads
    }
    arguments
}

# What the target calls the argument for weights. A function with `...` may hand them on; but a generic whose
# methods lack the argument drops it without a word, as MASS::lda does.
weights_argument <- function(f, target) {
    parts <- strsplit(target, "::", fixed = TRUE)[[1L]]
    generic <- "UseMethod" %in% all.names(body(f))
    methods <- if (generic) lapply(c("formula", "default", "data.frame", "matrix"), function(class) {
        utils::getS3method(parts[2L], class, optional = TRUE, envir = asNamespace(parts[1L]))
    })
    takes <- unlist(lapply(c(list(f), methods), function(one) if (is.function(one)) names(formals(one))))
    for (name in c("weights", "case.weights")) if (name %in% takes) return(name)
    if (!generic && "..." %in% takes) return("weights")
    stop(target, " takes no argument weights, which the weights need")
}

# The declared formula with the offset of an exposure. It stands in the formula, because predict() does not apply
# an argument `offset` to new data. In place of `.` stand the features that predict: not the exposure, and no
# column that only fit has.
estimator_formula <- function(setup, predictors) {
    formula <- as_formula(setup$formula)
    exposure <- setup$exposure_column
    right <- length(formula)
    if (exposure %in% all.vars(formula)) {
        stop("the formula names the exposure '", exposure, "': take it out, the offset is added for you")
    }
    hidden <- intersect(all.vars(formula[[right]]), unlist(setup$fit_columns))
    if (length(hidden)) stop("the formula predicts from '", hidden[1L], "', which only fit has")
    if ("." %in% all.vars(formula) && (nzchar(exposure) || length(setup$fit_columns))) {
        names <- c(predictors, if (nzchar(setup$target_column)) setup$target_column)  # none where it only scores
        empty <- structure(rep(list(0), length(names)), names = names, class = "data.frame", row.names = 1L)
        formula <- stats::formula(stats::terms(formula, data = empty))
    }
    if (nzchar(exposure)) {
        offset <- call("offset", call("log", as.name(exposure)))
        formula[[right]] <- call("+", formula[[right]], offset)
    }
    formula
}

load_estimator <- function(setup) {
    f <- resolve(setup$target)
    predict <- if (nzchar(setup$predict)) resolve(setup$predict)$value else stats::predict
    weights <- setup$weights_column
    exposure <- setup$exposure_column
    quantiles <- unlist(setup$quantiles)
    outputs <- unlist(setup$outputs)
    predictors <- setdiff(unlist(setup$features), exposure)
    arguments <- lapply(setup$arguments, function(x) {
        if (is.character(x) && length(x) == 1L && grepl("^~", x)) as_formula(x) else x
    })
    arguments <- with_threads(arguments, f$value)
    refuse_levels(c(setup$arguments, setup$predict_arguments), quantiles)
    # The call names its data instead of holding it: models keep their call. So it does with the weights.
    data <- list(data = quote(data))
    if (nzchar(weights)) arguments[[weights_argument(f$value, setup$target)]] <- as.name(weights)
    if (nzchar(setup$formula)) {
        first <- c(list(estimator_formula(setup, predictors)), data)
        columns <- c(predictors, exposure, weights, setup$target_column)
    } else {
        if (isTRUE(setup$imported)) exposure <- ""  # what was fitted elsewhere has an offset of its own, or none
        if (nzchar(exposure)) stop(setup$target, " has no formula that an exposure could be the offset of")
        first <- if ("data" %in% names(formals(f$value))) data else unname(data)
        columns <- c(predictors, setup$target_column)
    }
    columns <- columns[nzchar(columns)]
    predicted <- function(model, data) {
        method <- utils::getS3method("predict", class(model)[1L], optional = TRUE)
        more <- with_threads(setup$predict_arguments, if (is.null(method)) predict else method)
        do.call(predict, c(list(quote(model), quote(data)), more))
    }
    fit_one <- function(frame, arguments) {
        model <- eval(as.call(c(f$call, first, arguments)), frame)
        refuse_link(model, predict, setup$predict_arguments)
        lighter <- lighten(model, setup$predict_arguments)
        if (!identical(names(lighter), names(model))) {  # summary() needs what is left out
            state$summary <- c(state$summary, list(tryCatch(summarised(model), error = identity)))
        }
        model <- lighter
        if (nzchar(exposure)) refuse_lost_offset(function(data) predicted(model, data), frame$data, setup)
        model
    }
    state$accept <- function(model) {
        given <- setup$predict_arguments
        refuse_link(model, predict, given)
        refuse_other_class(model, setup$task)
    }
    state$fit <- function(data) {
        if (nzchar(exposure) && !isTRUE(all(data[[exposure]] > 0))) {
            stop("the exposure is missing or not above 0 in some training rows")
        }
        state$summary <- NULL
        frame <- new.env(parent = globalenv())
        # Most functions look for weights in the data, some (ranger) where they are called.
        if (nzchar(weights)) frame[[weights]] <- data[[weights]]
        frame$data <- if (setequal(columns, names(data))) data else data[columns]
        if (!nzchar(setup$per_quantile)) return(fit_one(frame, arguments))
        lapply(quantiles, function(level) {
            arguments[[setup$per_quantile]] <- level
            fit_one(frame, arguments)
        })
    }
    state$score <- function(model, data) {
        if (nzchar(setup$per_quantile)) {
            each <- lapply(model, function(one) prediction(predicted(one, data), setup$task, one))
            return(structure(each, names = outputs))
        }
        result <- predicted(model, data)
        switch(setup$task,
            multiclass = by_class(result, unlist(setup$classes), nrow(data)),
            quantiles = by_level(result, outputs, quantiles, nrow(data)),
            prediction(result, setup$task, model))
    }
    state$save <- state$load <- state$describe <- NULL
}

# Refuses a model whose predictions do not double with the exposure: some functions (ranger, rpart) leave an offset
# of the formula out without a word, and a link other than the logarithm makes something else of it.
refuse_lost_offset <- function(predicted, data, setup) {
    rows <- utils::head(data, 100L)
    twice <- rows
    twice[[setup$exposure_column]] <- 2 * rows[[setup$exposure_column]]
    one <- as.double(prediction(predicted(rows), setup$task, NULL))
    two <- as.double(prediction(predicted(twice), setup$task, NULL))
    finite <- is.finite(one) & is.finite(two)
    if (!isTRUE(all.equal(2 * one[finite], two[finite], tolerance = 1e-6))) {
        stop("the predictions of ", setup$target, " do not grow with the exposure: it must take an offset in its ",
             "formula, and its link must be the logarithm")
    }
}

# Refuses a model whose predict() gives logarithms or logits where no type is named, as that of glm does: such
# numbers look like scores.
refuse_link <- function(model, predict, predict_arguments) {
    methods <- lapply(class(model), function(name) utils::getS3method("predict", name, optional = TRUE))
    method <- Find(Negate(is.null), methods, nomatch = predict)
    usual <- tryCatch(eval(formals(method)$type)[1L], error = function(e) NULL)
    if (!is.null(predict_arguments$type) || !identical(usual, "link")) return(NULL)
    link <- tryCatch(stats::family(model)$link, error = function(e) "unknown")
    if (!identical(link, "identity")) {
        stop("without a type, predict gives what the model's link makes of a prediction (", link, "), not the ",
             "prediction; declare predict_arguments with type response, or with type link if that is meant")
    }
}

# One number a row, of what a predict method returned.
prediction <- function(result, task, model) {
    if (is.list(result) && !is.null(result[["predictions"]])) result <- result[["predictions"]]  # ranger's
    if (is.matrix(result) && ncol(result) == 2L && task == "binary") {
        result <- result[, yes_column(colnames(result), model)]
    }
    if (task == "binary" && (is.factor(result) || is.character(result) || is.logical(result))) {
        stop("predict returned classes where probabilities are wanted; declare it so, such as with ",
             "predict_arguments: {type: response}, {type: prob} or, for ranger, arguments: {probability: true}")
    }
    result
}

# A matrix or table with one column of probabilities for each class, by their names.
by_class <- function(result, classes, nrows) {
    for (part in c("posterior", "predictions")) {  # of MASS::lda, and of ranger
        if (is.list(result) && !is.data.frame(result) && !is.null(result[[part]])) result <- result[[part]]
    }
    if (is.factor(result) || is.character(result)) {
        stop("predict returned classes where probabilities are wanted; declare it so, such as with ",
             "predict_arguments: {type: prob}, {type: probs}, {type: posterior} or {type: probability}, or, for ",
             "ranger, arguments: {probability: true}")
    }
    plain <- is.atomic(result) && is.null(dim(result))
    if (plain && nrows == 1L && length(result) > 1L && !is.null(names(result))) {
        result <- t(result)  # of one row nnet::multinom and MASS::polr make a vector
    } else if (plain && length(classes) == 2L) {
        stop("predict gave one vector for two classes; declare task: binary")
    } else if (plain) {
        stop("predict gave one vector for the classes; it must give a matrix with their names, and each declared ",
             "class must occur in the training rows")
    }
    names <- if (is.list(result)) names(result) else if (is.matrix(result)) colnames(result)
    if (is.null(names)) {
        stop("predict gave no names of classes: it must return a matrix or table with the classes as names of ",
             "its columns")
    }
    lacks <- setdiff(classes, names)
    if (length(lacks)) {
        stop("the model lacks ", length(lacks), " of the declared classes: ",
             paste0("'", utils::head(lacks, 20L), "'", collapse = ", "),
             "; each must occur in the training rows")
    }
    more <- length(setdiff(names, classes))
    if (more) stop("the model has classes that are not declared (", more, ")")
    result
}

# One column for each quantile: by their names where these hold levels, else in ascending order of the levels.
by_level <- function(result, outputs, levels, nrows) {
    if (is.list(result) && !is.data.frame(result) && !is.null(result[["predictions"]])) {
        result <- result[["predictions"]]  # ranger's
    }
    if (is.atomic(result) && is.null(dim(result))) {
        row <- nrows == 1L && length(levels) > 1L
        result <- if (row) as.list(result) else structure(list(result), names = "")
    } else if (is.matrix(result)) {
        result <- structure(lapply(seq_len(ncol(result)), function(j) result[, j]), names = colnames(result))
    }
    if (length(result) != length(levels)) {
        stop("predict gave ", length(result), " columns for ", length(levels), " quantiles")
    }
    names <- names(result)
    if (setequal(names, outputs)) return(as.list(result))
    said <- vapply(names, level_of, 0)
    if (!all(is.na(said))) {
        # Some packages round the level that a name holds to three digits.
        places <- lapply(levels, function(level) which(abs(said - level) < 6e-4))
        if (any(lengths(places) != 1L)) stop("predict gave other quantiles than declared")
        result <- as.list(result)[unlist(places)]
    }
    structure(as.list(result), names = outputs)
}

# The level that a column's name holds (`0.1`, `tau= 0.10`, `10%`, `q10`), or NA.
level_of <- function(name) {
    found <- regmatches(name, regexec("(q?)([0-9]+([.][0-9]+)?) *(%?)$", name))[[1L]]
    if (!length(found)) return(NA_real_)
    level <- as.numeric(found[3L]) / if (nzchar(found[2L]) || nzchar(found[5L])) 100 else 1
    if (level > 0 && level < 1) level else NA_real_
}

# Refuses an argument that asks for other quantiles than those declared, or in another order.
refuse_levels <- function(arguments, levels) {
    if (is.null(levels)) return(NULL)
    for (name in intersect(names(arguments), c("quantiles", "quantile", "tau", "q"))) {
        asked <- arguments[[name]]
        if (is.numeric(asked) && length(asked) > 1L && !identical(as.double(asked), levels)) {
            stop("the argument ", name, " asks for other quantiles than declared, or in another order")
        }
    }
}

OWN_CLASSES <- paste("the model has names of its own for its two classes; declare the name of the one that is true",
                     "as target.positive, or write score in code")

# Which of these classes of a model that was fitted elsewhere is the one that is true; 0 where nothing says it.
true_class <- function(classes) {
    called <- function(x) {
        x <- tolower(x)
        ifelse(x == "0", "false", ifelse(x == "1", "true", x))
    }
    own <- match(called(state$setup$positive), called(classes), nomatch = 0L)
    if (own > 0L) own else match("true", called(classes), nomatch = 0L)
}

# Refuses a model that was fitted elsewhere and gives the probability of another class than the declared one: where
# its answer was a factor, predict() gives that of the second level.
refuse_other_class <- function(model, task) {
    answer <- tryCatch(model$model[[1L]], error = function(e) NULL)
    if (task == "binary" && is.factor(answer) && true_class(levels(answer)) != 2L) stop(OWN_CLASSES)
}

# Which of two columns of probabilities is that of yes: the one of this name, else the second. Of a 0/1 or logical
# target ranger names none, and has the classes in the order in which it met them.
yes_column <- function(names, model) {
    classes <- if (is.null(names) && inherits(model, "ranger")) model$forest$class.values
    if (isTRUE(state$setup$imported)) {
        own <- true_class(as.character(if (is.null(names)) classes else names))
        if (own == 0L) stop(OWN_CLASSES)
        return(own)
    }
    named <- match(c("TRUE", "1"), names, nomatch = 0L)
    if (any(named)) return(max(named))
    if (length(classes) == 2L) which.max(classes) else 2L
}

# What summary() prints of a model.
summarised <- function(model) utils::capture.output(print(summary(model)))

# stats::lm and stats::glm keep all rows of the training data, several times. predict() without standard errors
# needs none of them, and gives the same to the last digit.
lighten <- function(model, predict_arguments) {
    simple <- all(names(predict_arguments) == "type") &&
        all(unlist(predict_arguments) %in% c("response", "link"))
    if (!simple || !class(model)[1L] %in% c("lm", "glm") || length(class(model)) > 2L) return(model)
    for (part in c("data", "model", "x", "y", "residuals", "fitted.values", "effects", "linear.predictors",
                   "weights", "prior.weights", "na.action")) {
        model[[part]] <- NULL
    }
    if (is.matrix(model$qr$qr)) {
        model$qr$qr <- model$qr$qr[seq_len(min(dim(model$qr$qr))), , drop = FALSE]
    }
    model
}


# ---------------------------------------------------------------- commands

installed_versions <- function() {
    names <- sort(loadedNamespaces())
    names <- setdiff(names, "compiler")  # loaded by R itself once it compiles something: says nothing
    structure(vapply(names, function(name) as.character(getNamespaceVersion(name))[1L], ""), kind = "m")
}

fitted_model <- function() {
    if (!state$fitted) stop("there is no model yet: fit or load comes first")
    state$model
}

# Calls the model's code; what is on the stack below this is the worker's.
model_code <- function(expr) {
    state$depth <- sys.nframe() + 1L
    on.exit(state$depth <- NA_integer_)
    expr
}

run_hello <- function(arguments, parts) {
    state$seed <- as.integer(abs(arguments$seed) %% .Machine$integer.max)
    state$scratch <- arguments$scratch
    state$threads <- threads <- arguments$threads
    for (name in c("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "R_RANGER_NUM_THREADS",
                   "R_DATATABLE_NUM_THREADS", "RCPP_PARALLEL_NUM_THREADS")) {
        do.call(Sys.setenv, structure(list(as.character(threads)), names = name))
    }
    options(mc.cores = threads, Ncpus = threads, ranger.num.threads = threads)
    # So that too much memory is an R error with a line in the model's code; before R 4.2 the system's limit is all.
    limit <- get0("mem.maxVSize", envir = baseenv(), mode = "function")
    if (arguments$memory > 0 && !is.null(limit)) suppressWarnings(limit(arguments$memory / 2^20))
    write_answer("ready", list(protocol = 1L, language = "r",
                               version = paste(R.version$major, R.version$minor, sep = "."),
                               int64 = FALSE, process = Sys.getpid()))
}

run_model <- function(arguments, parts) {
    state$setup <- arguments
    state$fitted <- FALSE
    state$model <- NULL
    model_code(switch(arguments$kind,
        code = load_code(arguments$path, arguments$params, arguments$learns),
        measure = load_measure(arguments$path, arguments[["function"]]),
        load_estimator(arguments)))
    write_answer("ok")
}

# Before every fit, so that it can be repeated; before every score too, for models that break ties by chance.
seed <- function() {
    set.seed(state$seed, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")
}

run_fit <- function(arguments, parts) {
    data <- as_data(parts)
    parts <- NULL
    seed()
    state$fitted <- FALSE
    state$model <- model_code(state$fit(data))
    if (is.null(state$model) && state$setup$learns) stop("fit returned NULL; its last value must be the model")
    state$fitted <- TRUE
    write_answer("ok", list(packages = installed_versions()))
}

LONGEST_TEXT <- 65536L  # characters of a description
NO_ROOM <- "the stored model does not fit into the scratch: it cannot allocate more there"

# As saveRDS, at gzip's fastest level: a third of the default's time for a twentieth more bytes. R does not say
# so when the last bytes of a compressed file find no room: the length at its end tells.
store <- function(model, path) {
    connection <- gzfile(path, "wb", compression = 1L)
    written <- tryCatch({
        saveRDS(model, connection)
        seek(connection)
    }, finally = close(connection))
    bytes <- readBin(path, "raw", file.size(path))
    if (sum(as.integer(utils::tail(bytes, 4L)) * 256^(0:3)) != written %% 2^32) stop(NO_ROOM)
    bytes
}

run_save <- function(arguments, parts) {
    model <- fitted_model()
    path <- tempfile("artifact", state$scratch)
    on.exit(unlink(path, recursive = TRUE))
    if (is.null(state$save)) {
        bytes <- store(model, path)
    } else {
        model_code(state$save(model, path))
        if (!file.exists(path) || dir.exists(path)) {
            stop("save_model(model, path) must write one file at the path it is given")
        }
        bytes <- readBin(path, "raw", file.size(path))
    }
    write_answer("artifact", parts = 1L)
    write_blob(bytes)
}

run_load <- function(arguments, parts) {
    if (is.null(state$setup)) stop("there is no model to load into: the command 'model' comes first")
    path <- tempfile("artifact", state$scratch)
    on.exit(unlink(path))
    writeBin(parts[[1L]], path)
    if (file.size(path) != length(parts[[1L]])) stop(NO_ROOM)
    state$model <- model_code(if (is.null(state$load)) readRDS(path) else state$load(path))
    if (isTRUE(state$setup$imported)) {
        if (is.null(state$model)) stop("the artifact holds nothing in place of a model")
        if (!is.null(state$accept)) state$accept(state$model)
    }
    state$fitted <- TRUE
    write_answer("ok", list(packages = installed_versions()))
}

run_score <- function(arguments, parts) {
    model <- fitted_model()
    nrows <- parts[[length(parts)]]$nrows
    data <- as_data(parts[1L])
    future <- if (length(parts) > 1L) as_data(parts[2L])
    parts <- NULL
    outputs <- unlist(state$setup$outputs)
    seed()
    result <- model_code(if (is.null(future)) state$score(model, data) else state$score(model, data, future))
    columns <- Map(outgoing, result_columns(result, outputs, nrows), outputs)
    write_answer("scores", parts = 1L)
    write_frame(outputs, columns, nrows)
}

# The type of each column of a data.frame, as the model's code gets it.
run_look <- function(arguments, parts) {
    looks <- vapply(as_data(parts), function(v) {
        if (is.factor(v)) paste0("factor, ", nlevels(v), " levels") else paste(class(v), collapse = " ")
    }, "")
    write_answer("looks", list(columns = structure(looks, kind = "m")))
}

# The fitted model as text: what describe(model) of the code prints or returns, else what summary() prints.
run_describe <- function(arguments, parts) {
    model <- fitted_model()
    lines <- if (!is.null(state$summary)) {
        failed <- Find(function(lines) inherits(lines, "error"), state$summary)
        if (!is.null(failed)) stop(failed)
        unlist(state$summary)
    } else if (is.null(state$describe)) {
        model_code(summarised(model))
    } else {
        printed <- utils::capture.output(value <- model_code(state$describe(model)))
        if (!is.null(value) && !is.character(value) && !length(printed)) {
            stop("describe returned ", class(value)[1L], "; it must print or return text")
        }
        c(printed, if (is.character(value)) value)
    }
    text <- iconv(enc2utf8(paste(lines, collapse = "\n")), "UTF-8", "UTF-8", sub = "byte")
    write_answer("described", list(text = substr(text, 1L, LONGEST_TEXT)))
}

# Judges rows: the target, the scores and the features are a frame each.
run_measure <- function(arguments, parts) {
    nrows <- parts[[1L]]$nrows
    truth <- as_data(parts[1L])[[1L]]
    scores <- as_data(parts[2L])
    if (length(scores) == 1L) scores <- scores[[1L]]
    data <- as_data(parts[3L])
    parts <- NULL
    result <- model_code(state$measure(truth, scores, data))
    one_row <- state$setup[["function"]] == "metric"
    found <- if (one_row) numbers_by_name(result, unlist(state$setup$outputs)) else one_a_row(result, nrows)
    columns <- lapply(found, function(x) {
        x[is.na(x)] <- NaN
        list(type = "f8", values = x, size = 8L, mask = NULL, nulls = 0L, levels = NULL)
    })
    write_answer("measured", parts = 1L)
    write_frame(names(found), columns, if (one_row) 1L else nrows)
}

run_normalise <- function(arguments, parts) {
    code <- parse(text = arguments$code, keep.source = FALSE, encoding = "UTF-8")
    # hexNumeric: else constants that differ after 15 digits would be merged.
    control <- c("keepNA", "keepInteger", "hexNumeric", "niceNames", "showAttributes")
    lines <- unlist(lapply(code, deparse, width.cutoff = 500L, control = control))
    write_answer("normalised", list(code = paste(lines, collapse = "\n")))
}


# ---------------------------------------------------------------- errors

# Where a call was made, if that is in a file: list(file, line).
place <- function(call) {
    ref <- attr(call, "srcref")
    if (is.null(ref)) return(NULL)
    list(file = attr(ref, "srcfile")$filename, line = as.integer(ref)[1L])
}

# The function's name alone: arguments may hold data.
function_name <- function(call) {
    head <- call[[1L]]
    qualified <- is.call(head) && length(head) == 3L && as.character(head[[1L]])[1L] %in% c("::", ":::")
    if (is.name(head)) as.character(head)
    else if (qualified) paste0(head[[2L]], "::", head[[3L]])
    else "(anonymous)"
}

# Called where the error is raised, with the stack still there. Keeps the model's line and a short trace: each
# function with the line that it was at. R does not call this on a stack overflow, which then has no line.
note_place <- function(calls) {
    if (is.na(state$depth)) return(NULL)  # the worker's own, such as a wrong number of scores
    calls <- calls[-seq_len(min(state$depth, length(calls)))]
    places <- lapply(calls, place)
    own <- if (identical(state$setup$kind, "estimator")) "" else state$setup$path
    mine <- vapply(places, function(at) !is.null(at) && identical(at$file, own), NA)
    if (any(mine)) state$place <- places[[max(which(mine))]]$line
    calls <- utils::head(calls, -1L)  # without this handler, but with where it was called from
    shown <- utils::tail(seq_along(calls), 21L)
    trace <- vapply(shown, function(i) {
        at <- places[[i + 1L]]
        name <- function_name(calls[[i]])
        if (is.null(at) || !nzchar(at$file)) name else paste0(name, " (", basename(at$file), ":", at$line, ")")
    }, "")
    state$trace <- utils::tail(trace[trace != ".handleSimpleError"], 20L)
}

# Warnings go to standard error as they come; the same again only once, since scoring repeats them chunk by chunk.
note_warning <- function(warning) {
    text <- conditionMessage(warning)
    if (text %in% state$warned) {
        restart <- Find(function(r) r$name == "muffleWarning", computeRestarts(warning))
        if (!is.null(restart)) invokeRestart(restart)
    }
    state$warned <- utils::tail(c(state$warned, text), 100L)
}

bounded <- function(text) {
    text <- iconv(paste(as.character(text), collapse = "\n"), "UTF-8", "UTF-8", sub = "byte")
    text <- gsub("\001", "", text, fixed = TRUE)
    if (nchar(text) > 2000L) paste0(substr(text, 1L, 1997L), "...") else text
}

write_error <- function(verb, error) {
    message <- tryCatch(bounded(conditionMessage(error)), error = function(e) "an error without a message")
    line <- if (verb == "model" && state$place == 0L) code_line(message) else state$place
    kind <- class(error)[1L]
    if (verb == "save" && message == "error writing to connection") message <- NO_ROOM
    if (grepl("cannot allocate|memory exhausted", message)) kind <- "OutOfMemoryError"  # R has no class for it
    write_answer("error", list(phase = verb, class = kind, message = message, line = line,
                               trace = structure(state$trace, kind = "l")))
}

# The line of an error while the code file is loaded: where it does not parse, or the expression that failed.
code_line <- function(message) {
    if (state$line > 0L) return(state$line)
    if (identical(state$setup$kind, "estimator")) return(0L)
    found <- regmatches(message, regexec("^[^\n]*?:([0-9]+):[0-9]+: unexpected ", message))[[1L]]
    if (length(found)) as.integer(found[2L]) else 0L
}


# ---------------------------------------------------------------- the loop

COMMANDS <- list(hello = run_hello, model = run_model, fit = run_fit, save = run_save, load = run_load,
                 score = run_score, look = run_look, describe = run_describe, measure = run_measure,
                 normalise = run_normalise)

answer <- function(message) {
    state$trace <- character()
    state$place <- 0L
    state$line <- 0L
    state$depth <- NA_integer_
    run <- COMMANDS[[message$verb]]
    if (is.null(run)) stop("unknown command: ", message$verb)
    arguments <- parse_arguments(message$arguments)
    parts <- message$parts
    message <- NULL
    run(arguments, parts)
}

serve <- function() {
    repeat {
        message <- read_message()
        verb <- message$verb
        if (verb == "stop") end()
        tryCatch(
            withCallingHandlers(answer(message), error = function(e) note_place(sys.calls()),
                                warning = note_warning),
            error = function(e) write_error(verb, e))
        message <- NULL
        flush(answers)
        flush(stdout())
    }
}

tryCatch(serve(), interrupt = function(e) end(130L))
