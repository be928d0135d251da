"""The Python worker: runs one model, answers commands on two pipes (docs/reference/worker-protocol.md).

Usage: python worker.py COMMANDS ANSWERS. Python 3.9 or later with numpy; pandas, polars, joblib and
sklearn only where the model uses them. Standard output belongs to the model's code, never to the protocol.
"""

import ast
import datetime
import importlib
import importlib.util
import inspect
import os
import pickle
import random
import re
import sys
import traceback
from pathlib import Path
from urllib.parse import quote, unquote, unquote_to_bytes

try:
    import numpy as np
except ModuleNotFoundError as missing:
    if missing.name != "numpy":
        raise
    os._exit(13)  # which the parent knows

INT32_MIN, INT64_MIN = -(2**31), -(2**63)
EXACT = 2**53  # beyond it, a float64 skips whole numbers
LONGEST_TEXT = 65536  # characters of a description
DTYPES = {
    "f8": "<f8",
    "f4": "<f4",
    "i8": "<i8",
    "i4": "<i4",
    "b1": "u1",
    "d4": "<i4",
    "t8": "<i8",
    "ts": "<f8",
}
DTYPES.update(c4="<i4", s4="<i4")


# ------------------------------------------------------------------ columns


class Column:
    """One column off the wire: numpy values, a null mask or None, and for texts codes from 1 with levels."""

    nullable = False  # seen in the type that nulls need, also where there are none

    def __init__(self, name, kind, values, mask, levels):
        self.name, self.kind, self.values, self.mask, self.levels = name, kind, values, mask, levels

    def nulls(self):
        """True where a value is missing."""
        if self.kind in ("c4", "s4"):
            return self.values == INT32_MIN
        return np.zeros(len(self.values), bool) if self.mask is None else self.mask.astype(bool)

    def texts(self):
        """The values of a category or string as an object array, None where missing."""
        table = np.array([*self.levels, None], dtype=object)
        return table[np.where(self.values == INT32_MIN, len(self.levels), self.values - 1)]


def join(frames):
    """The columns of several frames as one, in order."""
    if len(frames) == 1:
        return frames[0]
    joined = []
    for parts in zip(*frames):
        first = parts[0]
        values = [p.values for p in parts]
        levels = first.levels
        if first.kind == "s4":  # its levels are each frame's own
            index = {}
            values = []
            for part in parts:
                own = np.array(
                    [index.setdefault(t, len(index) + 1) for t in part.levels] + [INT32_MIN], np.int32
                )
                values.append(own[np.where(part.values == INT32_MIN, len(part.levels), part.values - 1)])
            levels = list(index)
        masked = any(p.mask is not None for p in parts)
        mask = np.concatenate([p.nulls() for p in parts]).astype(np.uint8) if masked else None
        joined.append(Column(first.name, first.kind, np.concatenate(values), mask, levels))
    return joined


def nullable(columns, arguments):
    """The columns, those that the command names as nullable with that mark."""
    for column in columns:
        column.nullable = column.name in arguments.get("nullable", ())
    return columns


def to_numpy(column):
    """As a numpy array: nulls are NaN, NaT or None. A nullable boolean is 1.0, 0.0 or NaN."""
    if column.kind in ("c4", "s4"):
        return column.texts()
    values, mask = column.values, column.mask
    if mask is None and column.nullable:
        mask = np.zeros(len(values), np.uint8)
    if column.kind == "d4":
        days = values.astype("datetime64[D]")
        days[column.nulls()] = np.datetime64("NaT")
        return days
    if column.kind in ("t8", "ts"):
        whole = values if column.kind == "t8" else np.round(np.nan_to_num(values) * 1e6).astype(np.int64)
        timestamps = whole.astype("datetime64[us]")
        timestamps[column.nulls()] = np.datetime64("NaT")
        return timestamps
    if mask is None:
        return values.astype(bool) if column.kind == "b1" else values
    if column.kind in ("f8", "f4"):
        return values
    if column.kind == "b1" and not column.nullable:
        return np.where(mask.astype(bool), None, values.astype(bool))
    floats = values.astype(np.float64)
    floats[mask.astype(bool)] = np.nan
    if (((values > EXACT) | (values < -EXACT)) & (mask == 0)).any():
        raise OverflowError(
            "column %r has nulls and integers that are too large to be exact as floats; "
            "use data: polars, or declare the column as float" % column.name
        )
    return floats


def to_pandas(columns):
    """A DataFrame: categories are Categorical with all levels, integers with nulls are float64."""
    import pandas as pd

    data = {}
    for c in columns:
        if c.kind == "c4":
            codes = np.where(c.values == INT32_MIN, 0, c.values) - 1
            data[c.name] = pd.Categorical.from_codes(codes, categories=pd.Index(c.levels, dtype=object))
        elif c.kind == "s4":
            data[c.name] = pd.Series(c.texts(), dtype=object)
        elif c.kind == "d4":
            data[c.name] = to_numpy(c).astype("datetime64[s]")
        else:
            data[c.name] = to_numpy(c)
    rows = len(columns[0].values) if columns else 0
    return pd.DataFrame(data, index=pd.RangeIndex(rows), copy=False)


def to_polars(columns):
    """A Polars DataFrame: categories are Enum with all levels, nulls are nulls."""
    import polars as pl

    kinds = {"b1": pl.Boolean, "d4": pl.Date, "t8": pl.Datetime("us", "UTC"), "ts": pl.Datetime("us", "UTC")}
    series = []
    for c in columns:
        missing = pl.Series(c.nulls())
        if c.kind in ("c4", "s4"):
            index = pl.Series(np.where(c.values == INT32_MIN, 1, c.values).astype(np.int64) - 1)
            table = pl.Series(list(c.levels) or [None], dtype=pl.String)
            one = table.gather(index) if len(index) else pl.Series([], dtype=pl.String)
            one = one.cast(pl.Enum(list(c.levels))) if c.kind == "c4" and not missing.all() else one
        else:
            values = to_numpy(c).astype(np.int64) if c.kind == "ts" else c.values
            one = pl.Series(values)
            one = one.cast(kinds[c.kind]) if c.kind in kinds else one
        frame = pl.DataFrame({"value": one, "missing": missing})
        one = frame.select(pl.when(~pl.col("missing")).then(pl.col("value"))).to_series()
        one = one.cast(pl.Enum(list(c.levels))) if c.kind == "c4" else one
        series.append(one.alias(c.name))
    return pl.DataFrame(series)


def to_mapping(columns):
    """A dict of name to numpy array."""
    return {c.name: to_numpy(c) for c in columns}


TABLES = {"pandas": to_pandas, "polars": to_polars, "numpy": to_mapping}


# ------------------------------------------------------------------ the pipes


class Pipes:
    """The two pipes. Reading ends the process at end of file."""

    def __init__(self, commands, answers):
        self.commands = open(commands, "rb", buffering=2**16)
        self.answers = open(answers, "wb", buffering=0)

    def line(self):
        """The next line's fields, as text still percent-encoded."""
        line = self.commands.readline()
        if not line.endswith(b"\n"):
            os._exit(0)
        return line[:-1].decode("ascii").split("\t")

    def exactly(self, size):
        """The next bytes, writable, as an array of them."""
        data = np.empty(size, np.uint8)
        with memoryview(data) as view:
            done = 0
            while done < size:
                count = self.commands.readinto(view[done:])
                if not count:
                    os._exit(0)
                done += count
        return data

    def message(self):
        """Verb, arguments and number of parts (None: until ``end``)."""
        magic, verb, count, parts = self.line()
        if magic != "KB1":
            raise SystemExit("the command is not of this protocol")
        return verb, unflatten([self.line() for _ in range(int(count))]), None if parts == "*" else int(parts)

    def parts(self, count):
        """The parts of a message: columns of a frame, or bytes of a blob."""
        parts = []
        while count is None or len(parts) < count:
            first = self.line()
            if first[0] == "end":
                break
            parts.append(self.frame(first) if first[0] == "frame" else self.exactly(int(first[1])).tobytes())
        return parts

    def frame(self, first):
        """The columns of the frame whose first line was read."""
        rows, columns = int(first[2]), []
        for name, kind, nulls, size, _, text in [self.line() for _ in range(int(first[1]))]:
            values = self.exactly(int(size)).view(DTYPES[kind])
            masked = int(nulls) and kind not in ("c4", "s4")
            mask = self.exactly(rows) if masked else None
            levels = [
                unquote_to_bytes(t).decode() for t in self.exactly(int(text)).tobytes().split(b"\n")[:-1]
            ]
            columns.append(Column(unquote(name), kind, values, mask, levels))
        return columns

    def send(self, verb, arguments, parts=()):
        """Writes one answer; ``parts`` are lists of buffers."""
        lines = flatten(arguments)
        text = "".join(
            line + "\n" for line in ["\t".join(["KB1", verb, str(len(lines)), str(len(parts))]), *lines]
        )
        for buffer in [text.encode("ascii")] + [b for part in parts for b in part]:
            view = memoryview(buffer).cast("B") if len(buffer) else b""
            while len(view):
                view = view[self.answers.write(view) :]


def unflatten(lines):
    """A tree of dicts and lists from argument lines."""
    root = {}
    nodes = {"": root}
    for path, kind, raw in lines:
        above, _, key = path.rpartition("/")
        value = PARSE[kind](raw)
        if kind in "lm":
            nodes[path] = value
        parent = nodes[above]
        if isinstance(parent, list):
            parent.append(value)
        else:
            parent[unquote(key)] = value
    return root


PARSE = {
    "s": unquote,
    "i": int,
    "f": float.fromhex,
    "b": "true".__eq__,
    "n": lambda raw: None,
    "l": lambda raw: [],
    "m": lambda raw: {},
}


def flatten(tree, above=""):
    """Argument lines of a tree."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    lines = []
    for key, value in items:
        path = above + quote(str(key), safe="")
        if isinstance(value, (dict, list)):
            lines += [
                "{}\t{}\t".format(path, "m" if isinstance(value, dict) else "l"),
                *flatten(value, path + "/"),
            ]
        elif isinstance(value, bool):
            lines.append("{}\tb\t{}".format(path, str(value).lower()))
        elif isinstance(value, int):
            lines.append("{}\ti\t{}".format(path, value))
        else:
            lines.append("{}\ts\t{}".format(path, quote(str(value), safe="", errors="replace")))
    return lines


# ------------------------------------------------------------------ scores


def scores(result, rows, names):
    """The frame of what ``score`` returned: one vector, or a mapping or table with the declared columns."""
    if named(result):
        keys = {str(key): key for key in named_columns(result)}  # a class may be the number 1 in a table
        if sorted(map(str, named_columns(result))) != sorted(names):
            raise ValueError("score returned other columns than declared (%s)" % ", ".join(names))
        returned = [result[keys[name]] for name in names]
    elif len(names) == 1:
        returned = [result]
    elif np.ndim(result) == 2:
        raise ValueError(
            "score returned a matrix without names; name the columns: return a table or a mapping with "
            "these (%s)" % ", ".join(names)
        )
    else:
        raise ValueError(
            "score returned one vector, but several columns are declared (%s)" % ", ".join(names)
        )
    for one in returned:
        in_order(one, rows)
    vectors = [vector(one) for one in returned]
    for values, _ in vectors:
        if values.shape != (rows,):
            raise ValueError(
                "score returned %s values for %d rows" % (" x ".join(map(str, values.shape)), rows)
            )
    header, body = ["frame\t%d\t%d\n" % (len(names), rows)], []
    for name, (values, mask) in zip(names, vectors):
        kind, buffer, nulls, mask, levels = pack(values, mask)
        text = "".join(quote(t, safe="") + "\n" for t in levels).encode("ascii")
        fields = (quote(name, safe=""), kind, nulls, buffer.nbytes, len(levels), len(text))
        header.append("\t".join(map(str, fields)) + "\n")
        body += [buffer, mask, text]
    return ["".join(header).encode("ascii"), *body]


def named(result):
    """Whether this is a mapping, or a table whose columns have names."""
    return isinstance(result, dict) or hasattr(result, "columns")


def named_columns(result):
    """The names of the columns of a mapping or a table, as they are in it."""
    return list(result.columns if hasattr(result, "columns") else result)


def in_order(values, rows, function="score"):
    """Refuses a pandas series whose index says that its values stand in another order than the rows.

    The rows that `score` got are numbered from 0; what sorts or groups them keeps the numbers (behind the
    groups' names), and pandas puts such values where they belong by them. Any other index says nothing.
    """
    index = getattr(values, "index", None)
    if not hasattr(index, "get_level_values"):
        return
    numbers = np.asarray(index.get_level_values(-1))
    if numbers.shape != (rows,) or numbers.dtype.kind not in "iu":
        return
    own = np.arange(rows)
    if not np.array_equal(numbers, own) and np.array_equal(np.sort(numbers), own):
        raise ValueError(
            "%s returned its values in another order than the rows, as their index says; "
            "return them in the order of the data, such as sorted by that index" % function
        )


def vector(values):
    """Values and null mask (or None) of a list, numpy array, pandas or Polars series."""
    mask = None
    if isinstance(values, np.ma.MaskedArray):
        mask, values = np.ma.getmaskarray(values), values.data
    elif hasattr(values, "null_count"):  # Polars
        mask = values.is_null().to_numpy() if values.null_count() else None
        if mask is not None and values.dtype.is_integer():
            values = values.fill_null(0)
        elif str(values.dtype).startswith(("Categorical", "Enum")):
            values = values.cast(str)
        values = values.to_numpy()
    elif hasattr(values, "isna") and not isinstance(values.dtype, np.dtype):  # pandas' own types
        mask, kind = np.asarray(values.isna()), values.dtype.kind
        if kind == "M":
            values = values.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        elif kind in "iufb":
            values = values.fillna(False if kind == "b" else 0).to_numpy(dtype=values.dtype.numpy_dtype)
        else:
            values = values.to_numpy(dtype=object).copy()
            values[mask] = None
    values = np.asarray(values)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    return values, mask


def pack(values, mask):
    """Wire type, values, number of nulls, mask and levels of one vector."""
    kind = values.dtype.kind
    if kind == "O":
        return pack_objects(values)
    if kind in "US":
        return pack_objects(values.astype(str).astype(object))
    if kind == "M":
        mask = np.isnat(values)
        values, wire = values.astype("datetime64[us]").astype(np.int64), "t8"
    elif kind == "b":
        values, wire = values.astype(np.uint8), "b1"
    elif kind == "f":
        wire = "f4" if values.dtype.itemsize < 8 else "f8"
    elif kind in "iu":
        wire = "i4" if values.dtype.itemsize < 4 or values.dtype == np.int32 else "i8"
    else:
        raise TypeError("score returned values of type %s" % values.dtype)
    if wire == "i8" and kind == "u" and values.size and values.max() > 2**63 - 1:
        raise OverflowError("score returned integers beyond 64 bits")
    if mask is None or not mask.any():
        return wire, np.ascontiguousarray(values, dtype=DTYPES[wire]), 0, b"", ()
    under = {"f8": np.nan, "f4": np.nan, "i8": INT64_MIN, "t8": INT64_MIN, "i4": INT32_MIN, "b1": 0}[wire]
    values = np.where(mask, under, values).astype(DTYPES[wire])
    return wire, values, int(mask.sum()), mask.astype(np.uint8), ()


def pack_objects(values):
    """As :func:`pack`, for Python objects: texts, or numbers and dates with None among them."""
    items = values.tolist()
    no_text = np.array([v is None or v != v for v in items], dtype=bool)
    # Among texts NaN is how pandas says missing; among numbers it is a number.
    text = all(isinstance(v, str) for v, missing in zip(items, no_text) if not missing) and not no_text.all()
    mask = (
        no_text
        if text
        else np.array([v is None or (v != v and not isinstance(v, float)) for v in items], bool)
    )
    present = [v for v, missing in zip(items, mask) if not missing]
    if text:
        index = {}
        codes = np.full(len(values), INT32_MIN, np.int32)
        codes[~mask] = [index.setdefault(v, len(index) + 1) for v in present]
        return "s4", codes, int(mask.sum()), b"", list(index)
    if not present:
        return pack(np.full(len(values), np.nan), mask if mask.any() else None)
    timestamps = all(isinstance(v, datetime.date) for v in present)  # a datetime is one, too
    typed = np.array(present, dtype="datetime64[us]") if timestamps else np.array(present)
    if typed.dtype.kind not in "bifuM" or typed.ndim != 1:
        raise TypeError("score returned objects of type %s" % type(present[0]).__name__)
    full = np.zeros(len(values), typed.dtype)
    full[~mask] = typed
    if typed.dtype.kind == "M":
        full[mask] = np.datetime64("NaT")
    return pack(full, mask)


# ------------------------------------------------------------------ models

UNLEARNED = "remove it, or declare the task that says what is learned"


class CodeModel:
    """A model with its own file: ``fit`` and ``score``, optionally ``save_model`` and ``load_model``.

    One that learns nothing, or was fitted elsewhere, has ``score`` alone. ``tables`` is how many tables
    ``score`` gets: of series their history, and the rows to forecast.
    """

    def __init__(self, path, learns=True, tables=1, imported=False):
        self.path, self.tables = Path(path), tables
        self.module = loaded(self.path)
        functions = {"fit": 1, "score": 1 + tables} if learns and not imported else {"score": 1 + tables}
        for name in functions:
            if not callable(getattr(self.module, name, None)):
                raise AttributeError("%s has no function '%s'" % (self.path.name, name))
        for name in () if learns else ("fit", "save_model", "load_model"):
            if hasattr(self.module, name):
                raise TypeError(
                    "rules learn nothing, and the code has a function '%s'; %s" % (name, UNLEARNED)
                )
        for name, place in functions.items():
            takes_params(getattr(self.module, name), place)

    def accept(self, model):
        """Any model: what ``score`` cannot use, it refuses itself."""

    def fit(self, table, target, params):
        """What the code's ``fit`` returns; the target is a column of the table."""
        return self.module.fit(table, params)

    def score(self, model, tables, params):
        """``score(model, data)`` or ``score(model, history, future)``; with ``params`` if it takes more."""
        call = self.module.score
        more = (params,) if len(positional(call)) > 1 + len(tables) else ()
        return call(model, *tables, *more)


def loaded(path):
    """The module that a code file is."""
    sys.path.insert(0, str(path.parent))
    # With a folder of its own it is a package, too: `from .helpers import x` finds what lies beside it.
    name, folder = re.sub(r"\W", "_", path.stem), [str(path.parent)]
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=folder)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # pickle finds the file's own classes by this name
    spec.loader.exec_module(module)
    return module


class Measure:
    """A measure of the department's own: its file has the function ``loss`` or ``metric``, and no model."""

    module = None

    def __init__(self, arguments):
        path, self.name, self.columns = Path(arguments["path"]), arguments["function"], arguments["outputs"]
        self.call = getattr(loaded(path), self.name, None)
        if not callable(self.call):
            raise AttributeError("%s has no function '%s'" % (path.name, self.name))

    def measured(self, truth, scores, data, rows):
        """The numbers that the function gives, by column: one for each row, or of a metric one alone."""
        result = self.call(truth, scores, data)
        if self.name == "loss":
            return {"loss": one_a_row(result, rows)}
        if not isinstance(result, dict):
            raise TypeError("metric must return numbers by their names, as a dict")
        return numbers_by_name(result, self.columns)


def one_a_row(result, rows):
    """What ``loss`` returned as floats; a missing number is NaN, which the parent refuses."""
    if named(result):
        raise TypeError("loss returned a table; it must return one number for each row")
    in_order(result, rows, "loss")
    values, mask = vector(result)
    if values.shape != (rows,):
        shape = " x ".join(map(str, values.shape)) or "one number"
        raise ValueError("loss returned %s instead of %d numbers, one for each row" % (shape, rows))
    if values.dtype.kind not in "biuf":
        raise TypeError("loss must return numbers")
    values = values.astype(float)
    return values if mask is None else np.where(mask, np.nan, values)


def numbers_by_name(result, names):
    """What ``metric`` returned, a number each, by the declared names: each must be there, and no others."""
    lacks = [name for name in names if name not in result]
    if lacks:
        raise ValueError("metric did not return: %s" % ", ".join(lacks))
    if len(result) > len(names):
        raise ValueError("metric returned %d numbers that are not declared" % (len(result) - len(names)))
    for name in names:
        if np.ndim(result[name]) or np.asarray(result[name]).dtype.kind not in "biuf":
            raise TypeError("metric must return a number for %s" % name)
    return {name: np.array([result[name]], float) for name in names}


def work_beside(folder, scratch):
    """Changes into a folder that may be written to, and in which the files of ``folder`` are found."""
    place = os.path.join(scratch, "work-%d" % os.getpid())
    os.makedirs(place, exist_ok=True)
    for name in os.listdir(folder):
        if not os.path.lexists(os.path.join(place, name)):
            os.symlink(os.path.join(folder, name), os.path.join(place, name))
    os.chdir(place)


def positional(call):
    """The parameters of a function that take arguments by their place."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in inspect.signature(call).parameters.values() if p.kind in kinds]


def takes_params(call, place):
    """Refuses a function whose parameter at this place has a default that no params can be, such as False.

    It would get the params there, and mean something else than where it is called without.
    """
    for parameter in positional(call)[place : place + 1]:
        default = parameter.default
        if parameter.name != "params" and default is not parameter.empty:
            if default is not None and not isinstance(default, dict):
                raise TypeError(
                    "%s would get the params as '%s', which has a default of its own; call it params, or put "
                    "a * before it" % (call.__name__, parameter.name)
                )


class EstimatorModel:
    """A declared class with ``fit`` and ``predict``.

    It gets the features without the exposure, and of the columns that only ``fit`` has the weights, as an
    argument. What was fitted is one estimator, or a list with one for each quantile.
    """

    def __init__(self, arguments):
        self.declared = arguments
        self.module = None
        self.type = locate(arguments["target"])
        self.exposure, self.weights = arguments["exposure_column"], arguments["weights_column"]
        self.predictors = [name for name in arguments["features"] if name != self.exposure]
        self.levels = arguments["quantiles"] if arguments["per_quantile"] else [None]
        same_levels(arguments)
        if arguments.get("imported"):
            return
        estimator = self.new(self.levels[0])  # an argument that it does not take is an error before the data
        if self.weights or self.exposure:
            self.argument = weights_argument(estimator, self.weights)

    def accept(self, model):
        """Refuses a model that was fitted elsewhere and is none of the declared class."""
        if isinstance(self.type, type) and not isinstance(model, self.type):
            names = type(model).__name__, self.type.__name__
            raise TypeError("the artifact holds an object of type '%s', and not of '%s'" % names)

    def new(self, level):
        """The estimator, not fitted; for a quantile with its level."""
        name, values = (
            self.declared["per_quantile"],
            {k: build(v) for k, v in self.declared["arguments"].items()},
        )
        if level is None:
            return self.type(**values)
        if "__" in name:  # of a step of a pipeline, as scikit-learn calls it
            return self.type(**values).set_params(**{name: level})
        return self.type(**{**values, name: level})

    def fit(self, table, target, params):
        """The fitted estimator, or a list of them."""
        x, y = self.features(table), numbers(table[target]) if target else None
        more = {}
        if self.exposure:
            exposure = positive(table[self.exposure])
            y = y / exposure
            # For counts with a logarithmic link this is the model with the offset log(exposure): the rate,
            # weighted by exposure, has the same score equations. Source: scikit-learn's example "Poisson
            # regression and non-normal loss", and Yan, Guszcza, Flynn and Wu, "Applications of the Offset in
            # Property-Casualty Predictive Modeling" (Casualty Actuarial Society Forum, 2009).
            more[self.argument] = exposure * numbers(table[self.weights]) if self.weights else exposure
        elif self.weights:
            more[self.argument] = numbers(table[self.weights])
        known = (x, y) if target else (x,)
        fitted = [self.new(level).fit(*known, **more) for level in self.levels]
        return fitted if self.declared["per_quantile"] else fitted[0]

    def features(self, table):
        """What predicts."""
        if isinstance(table, dict):
            return np.column_stack([table[name] for name in self.predictors])
        table = table if list(table.columns) == self.predictors else table[self.predictors]
        return indicators(table) if self.declared.get("categories") == "indicators" else table

    def score(self, model, tables, params):
        """What the task asks for: a vector, or a mapping with one for each class or quantile."""
        (table,) = tables
        x, task, outputs = self.features(table), self.declared["task"], self.declared["outputs"]
        if self.declared["per_quantile"]:
            return {name: self.predicted(one, x) for name, one in zip(outputs, model)}
        if task == "multiclass":
            return by_class(self.predicted(model, x, "predict_proba"), model, self.declared["classes"])
        if task == "quantiles":
            return by_level(self.predicted(model, x), outputs, self.declared["quantiles"])
        if task == "binary" and not self.declared["predict"]:
            both = self.predicted(model, x, "predict_proba")
            if self.declared.get("imported"):
                return true_class(both, model, self.declared["positive"])
            return second_class(both)
        predicted = self.predicted(model, x)
        return times(predicted, numbers(table[self.exposure])) if self.exposure else predicted

    def predicted(self, model, x, usual="predict"):
        """What the declared method gives, or else the usual one."""
        name = self.declared["predict"] or usual
        if name == "predict_proba" and not hasattr(model, name):
            raise AttributeError("%s gives no probabilities (predict_proba)" % type(model).__name__)
        return getattr(model, name)(x, **self.declared["predict_arguments"])


def indicators(table):
    """The table with a column of 0 and 1 for each level of a category, the same ones for any rows."""
    import pandas as pd

    names = [name for name in table.columns if isinstance(table[name].dtype, pd.CategoricalDtype)]
    return pd.get_dummies(table, columns=names, prefix_sep="=", dtype=float)


def times(rates, exposure):
    """Rates as what is expected over the exposure of each row."""
    in_order(rates, len(exposure))
    values, mask = vector(rates)
    if values.shape != exposure.shape:  # which is refused as what it is: numpy might stretch it
        return rates
    return values * exposure if mask is None else np.ma.MaskedArray(values * exposure, mask)


def second_class(both):
    """The probability of the second of two classes."""
    both = np.asarray(both)
    if both.shape[1:] != (2,):
        raise ValueError("predict_proba gave %d classes instead of 2" % both.shape[1])
    return np.ascontiguousarray(both[:, 1])


def true_class(both, model, positive):
    """The probability of the class that is true; a model that was fitted elsewhere has its own classes."""
    both, classes = np.asarray(both), getattr(model, "classes_", None)
    if classes is None:
        raise ValueError("%s does not say its classes (classes_)" % type(model).__name__)
    if both.shape[1:] != (2,) or len(classes) != 2:
        raise ValueError("predict_proba gave %d classes instead of 2" % both.shape[1])
    names = [called(one) for one in classes]
    wanted = called(positive) if called(positive) in names else "true"
    if wanted not in names:
        raise ValueError(
            "the model has names of its own for its two classes; declare the name of the one that is true as "
            "target.positive, or write score in code"
        )
    return np.ascontiguousarray(both[:, names.index(wanted)])


def called(one):
    """A class as text: 0 and 1 are what a boolean is called."""
    text = str(one).casefold()
    return {"0": "false", "0.0": "false", "1": "true", "1.0": "true"}.get(text, text)


def by_class(result, model, classes):
    """The probability of each declared class, picked by its name: the model has an order of its own."""
    if named(result):
        found = {str(key): result[key] for key in named_columns(result)}
    else:
        if getattr(model, "classes_", None) is None:
            raise ValueError("%s does not say its classes (classes_)" % type(model).__name__)
        names, result = [str(one) for one in model.classes_], np.asarray(result)
        if result.shape[1:] != (len(names),):
            raise ValueError("predict gave no matrix with one column for each of its %d classes" % len(names))
        found = {name: np.ascontiguousarray(result[:, i]) for i, name in enumerate(names)}
    lacks, more = [c for c in classes if c not in found], len(set(found) - set(classes))
    if lacks:
        shown = ", ".join("'%s'" % one for one in lacks[:20])
        raise ValueError(
            "the model lacks %d of the declared classes: %s; each must occur in the training rows"
            % (len(lacks), shown)
        )
    if more:
        raise ValueError("the model has classes that are not declared (%d)" % more)
    return found


def by_level(result, names, levels):
    """One column for each quantile: by the names of a table, else in ascending order of the levels."""
    if named(result):
        keys = named_columns(result)
        if len(keys) != len(levels):
            raise ValueError("predict gave %d columns for %d quantiles" % (len(keys), len(levels)))
        texts = [str(key) for key in keys]
        if sorted(texts) == sorted(names):
            return {text: result[key] for text, key in zip(texts, keys)}
        said = [level_of(text) for text in texts]
        if any(one is not None for one in said):
            # Some packages round the level that a name holds to three digits.
            places = [
                [i for i, one in enumerate(said) if one and abs(one - level) < 6e-4] for level in levels
            ]
            if any(len(place) != 1 for place in places):
                raise ValueError("predict gave other quantiles than declared")
            keys = [keys[place[0]] for place in places]
        return {name: result[key] for name, key in zip(names, keys)}
    result = np.asarray(result)
    result = result[:, None] if result.ndim == 1 and len(levels) == 1 else result
    if result.ndim != 2 or result.shape[1] != len(levels):
        columns = result.shape[1] if result.ndim == 2 else 1
        raise ValueError("predict gave %d columns for %d quantiles" % (columns, len(levels)))
    return {name: np.ascontiguousarray(result[:, i]) for i, name in enumerate(names)}


def level_of(name):
    """The level that a column's name holds (`0.1`, `tau= 0.10`, `10%`, `q10`), or None."""
    found = re.search(r"(q)?(\d+(?:\.\d+)?)\s*(%)?$", name)
    if not found:
        return None
    level = float(found[2]) / (100 if found[1] or found[3] else 1)
    return level if 0 < level < 1 else None


def same_levels(arguments):
    """Refuses an argument that asks for other quantiles than those declared, or in another order."""
    if arguments["task"] != "quantiles":
        return
    for name, value in [*arguments["arguments"].items(), *arguments["predict_arguments"].items()]:
        asks = name in ("quantiles", "quantile", "tau", "q") and isinstance(value, list)
        if asks and value != arguments["quantiles"]:
            raise ValueError(
                "the argument %s asks for other quantiles than declared, or in another order" % name
            )


def weights_argument(estimator, column):
    """The argument of ``fit`` that gets weights; of a pipeline that of its last step.

    Raises:
        TypeError: It takes none. They are never left out in silence.
    """
    if hasattr(estimator, "steps"):
        name, last = estimator.steps[-1]
        return name + "__" + weights_argument(last, column)
    for holder in ("estimator", "regressor"):  # of a search, and of a transformed target
        inner = getattr(estimator, holder, None)
        if hasattr(inner, "steps"):
            return weights_argument(inner, column)
    try:
        takes = inspect.signature(estimator.fit).parameters.values()
    except (AttributeError, ValueError):
        takes = ()
    if not any(p.name == "sample_weight" or p.kind is p.VAR_KEYWORD for p in takes):
        raise TypeError(
            "%s takes no argument sample_weight, which the %s need"
            % (type(estimator).__name__, "weights" if column else "rates of an exposure")
        )
    return "sample_weight"


def numbers(values):
    """A column of a table as a numpy array."""
    return values.to_numpy() if hasattr(values, "to_numpy") else np.asarray(values)


def positive(values):
    """An exposure to divide by. Refuses what is missing or not above 0."""
    values = numbers(values)
    if not (values > 0).all():
        raise ValueError("the exposure is missing or not above 0 in some training rows")
    return values


def locate(target):
    """The object that a dotted path names."""
    parts = target.split(".")
    for split in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:split])
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name and (module == error.name or module.startswith(error.name + ".")):
                continue
            raise
        for part in parts[split:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError("there is no '%s' in this environment" % target)


def build(value):
    """A declared value; mappings with ``_target_`` become objects, inner ones first."""
    if isinstance(value, dict):
        inner = {k: build(v) for k, v in value.items() if k != "_target_"}
        if "_target_" not in value:
            return inner
        positional = inner.pop("_args_", [])
        return locate(value["_target_"])(*positional, **inner)
    return [build(v) for v in value] if isinstance(value, list) else value


# ------------------------------------------------------------------ commands


class Session:
    """What lies between commands: the model's code and the fitted model."""

    def __init__(self):
        self.seed, self.scratch, self.code, self.fitted, self.declared = 0, "/tmp", None, None, {}
        self.ready = False

    def hello(self, arguments, parts):
        """Answers with who this is."""
        self.seed, self.scratch = arguments["seed"], arguments["scratch"]
        version = ".".join(map(str, sys.version_info[:3]))
        return (
            "ready",
            {"protocol": 1, "language": "python", "version": version, "int64": True, "process": os.getpid()},
            (),
        )

    def model(self, arguments, parts):
        """Loads the code or finds the estimator."""
        self.declared, self.fitted = arguments, None
        kind = arguments.get("data") or "pandas"
        importlib.import_module(kind)  # what is not installed is said now, not at the first rows
        self.table = TABLES[kind]
        if arguments["kind"] != "estimator":
            work_beside(os.path.dirname(arguments["path"]), self.scratch)
        if arguments["kind"] == "measure":
            self.code = Measure(arguments)
        elif arguments["kind"] == "code":
            tables = 2 if arguments["task"] == "forecast" else 1
            imported = arguments.get("imported", False)
            self.code = CodeModel(arguments["path"], arguments["learns"], tables, imported)
        else:
            self.code = EstimatorModel(arguments)
        return "ok", {"packages": packages()}, ()

    def sow(self):
        """Seeds anew, so that the same rows get the same fit and the same scores."""
        random.seed(self.seed)
        np.random.seed(self.seed % 2**32)

    def fit(self, arguments, parts):
        """Fits on all frames together, after seeding anew."""
        if not self.declared["learns"]:  # the model of such code is None
            self.ready = True
            return "ok", {"packages": packages()}, ()
        columns = join(parts)
        parts.clear()
        self.sow()
        table = self.table(nullable(columns, arguments))
        del columns
        self.fitted = self.code.fit(table, self.declared["target_column"], self.declared.get("params", {}))
        if self.fitted is None:
            raise ValueError("fit returned None instead of a model")
        self.ready = True
        return "ok", {"packages": packages()}, ()

    def save(self, arguments, parts):
        """The fitted model as bytes, by the model's own function or joblib or pickle."""
        own = getattr(self.code.module, "save_model", None)
        path = os.path.join(self.scratch, "model")
        try:
            if own:
                own(self.fitted, path)
            else:
                with open(path, "wb") as file:
                    storage().dump(self.fitted, file)
            with open(path, "rb") as file:
                data = file.read()
        finally:
            if os.path.exists(path):
                os.remove(path)
        return "artifact", {}, [[b"blob\t%d\n" % len(data), data]]

    def load(self, arguments, parts):
        """The inverse of ``save``."""
        own = getattr(self.code.module, "load_model", None)
        path = os.path.join(self.scratch, "model")
        try:
            with open(path, "wb") as file:
                file.write(parts[0])
            if own:
                self.fitted = own(path)
            else:
                with open(path, "rb") as file:
                    self.fitted = storage().load(file)
        finally:
            os.remove(path)
        if self.declared.get("imported"):
            if self.fitted is None:
                raise ValueError("the artifact holds nothing in place of a model")
            self.code.accept(self.fitted)
        self.ready = self.fitted is not None or not self.declared["learns"]
        return "ok", {"packages": packages()}, ()

    def score(self, arguments, parts):
        """Scores one frame, or of series the last of two: the first is their history."""
        if not self.ready:
            raise RuntimeError("there is no fitted model yet")
        rows = len(parts[-1][0].values) if parts[-1] else 0
        self.sow()
        tables = [self.table(nullable(part, arguments)) for part in parts]
        result = self.code.score(self.fitted, tables, self.declared.get("params", {}))
        return "scores", {}, [scores(result, rows, self.declared["outputs"])]

    def look(self, arguments, parts):
        """What the code sees of a table: the type of each column."""
        table = self.table(nullable(parts[0], arguments))
        return "looks", {"columns": {column.name: looks(table[column.name]) for column in parts[0]}}, ()

    def describe(self, arguments, parts):
        """The fitted model as text: by the code's own function, or what its estimator has learnt."""
        if self.fitted is None:
            raise RuntimeError("there is no fitted model yet")
        own = getattr(self.code.module, "describe", None)
        text = own(self.fitted) if own else learnt(self.fitted)
        if not isinstance(text, str):
            raise TypeError("describe returned %s; it must return text" % type(text).__name__)
        return "described", {"text": text[:LONGEST_TEXT].encode("utf-8", "replace").decode()}, ()

    def measure(self, arguments, parts):
        """Judges rows: the target, the scores and the features are a frame each."""
        rows = len(parts[0][0].values)
        truth, scored, data = (self.table(nullable(part, arguments)) for part in parts)
        names = [column.name for column in parts[1]]
        scored = scored[names[0]] if len(names) == 1 else scored
        found = self.code.measured(truth[parts[0][0].name], scored, data, rows)
        head = "frame\t%d\t%d\n" % (len(found), len(next(iter(found.values()))))
        head += "".join("%s\tf8\t0\t%d\t0\t0\n" % (quote(n, safe=""), v.nbytes) for n, v in found.items())
        return "measured", {}, [[head.encode("ascii"), *found.values()]]

    def normalise(self, arguments, parts):
        """The code's meaning as text."""
        return "normalised", {"code": normalise(arguments["code"])}, ()


def looks(values):
    """The type of a column of a table, as its package calls it; of categories how many levels there are."""
    levels = getattr(values.dtype, "categories", None)
    if levels is None:
        return str(values.dtype)
    return "%s, %d levels" % (
        type(values.dtype).__name__.replace("CategoricalDtype", "category"),
        len(levels),
    )


def learnt(model):
    """The coefficients or importances of an estimator, or of a pipeline's last step, by feature."""
    names, last = getattr(model, "feature_names_in_", None), model
    if hasattr(model, "steps"):
        last = model.steps[-1][1]
        try:
            names = model[:-1].get_feature_names_out()
        except (AttributeError, ValueError):  # a step that does not say what becomes of the names
            names = None
    lines = [type(last).__name__ if type(last).__repr__ is object.__repr__ else repr(last)]
    for attribute in ("intercept_", "coef_", "feature_importances_"):
        value = getattr(last, attribute, None)
        if value is None:
            continue
        rows = np.atleast_2d(np.asarray(value))
        if attribute == "intercept_" or names is None or rows.shape[1] != len(names):
            lines.append("%s %s" % (attribute, np.array2string(np.asarray(value), threshold=2000)))
            continue
        lines.append(attribute)
        lines += [
            "  %-40s %s" % (n, "  ".join("%12.6g" % v for v in rows[:, i])) for i, n in enumerate(names)
        ]
    return "\n".join(lines)


def storage():
    """joblib where the environment has it, else pickle."""
    try:
        import joblib
    except ModuleNotFoundError:
        return pickle
    return joblib


def packages():
    """Name and version of the installed packages whose modules are loaded; the standard library is Python's.

    A module's dictionary is looked into rather than the module asked: some modules warn, or import others,
    when they are asked for a name that they do not have.
    """
    library = getattr(sys, "stdlib_module_names", ())  # from Python 3.10 on
    found = {}
    for name, module in list(sys.modules.items()):
        if "." in name or name.startswith("_") or name in library:
            continue
        version = getattr(module, "__dict__", {}).get("__version__")
        if isinstance(version, str):
            found[name] = version
    return dict(sorted(found.items()))


def normalise(code):
    """The syntax tree as text: equal for equal programs, whatever comments, layout and Python version.

    ``ast.dump`` differs between versions (fields are added, and empty ones left out since 3.13), so fields
    are written by hand: empty ones never, ``kind`` and ``type_comment`` never.
    """
    return dump(ast.parse(code))


def dump(node):
    """One node of a syntax tree, see :func:`normalise`."""
    if isinstance(node, ast.AST):
        if type(node).__name__ in ("Index", "Load", "Store", "Del"):
            return dump(getattr(node, "value", None))
        fields = []
        for name, value in ast.iter_fields(node):
            if name == "body" and isinstance(
                node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
            ):
                value = value[1:] if ast.get_docstring(node, clean=False) is not None else value
            if isinstance(node, ast.JoinedStr):  # 3.12 adds empty texts to a nested format
                value = [v for v in value if getattr(v, "value", None) != ""]
            if (
                name in ("kind", "type_comment", "ctx", "type_ignores")
                or (value is None and name != "value")
                or value == []
            ):
                continue
            fields.append(name + "=" + dump(value))
        return "%s(%s)" % (type(node).__name__, ",".join(fields))
    if isinstance(node, list):
        return "[" + ",".join(map(dump, node)) + "]"
    return repr(node)


# ------------------------------------------------------------------ errors


def failure(verb, error, own):
    """The arguments of an ``error`` answer: class, message, and where in the model's own code; no values."""
    line, trace = 0, []
    if own and isinstance(error, SyntaxError) and error.filename == own:
        line = error.lineno or 0
    for frame in traceback.extract_tb(error.__traceback__):
        if own and frame.filename.startswith(os.path.dirname(own) + os.sep):
            trace.append("%s:%d in %s" % (os.path.basename(frame.filename), frame.lineno, frame.name))
            line = frame.lineno if frame.filename == own else line
    try:
        message = str(error)
    except Exception:
        message = "(its message cannot be shown)"
    return {
        "phase": verb,
        "class": type(error).__name__,
        "message": message[:2000],
        "line": line,
        "trace": trace[-20:],
    }


def flush():
    """Gives the model's own output away before the answer."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass


VERBS = ("hello", "model", "fit", "save", "load", "score", "look", "describe", "measure", "normalise")


def main():
    """Answers commands until ``stop`` or end of file."""
    pipes = Pipes(sys.argv[1], sys.argv[2])
    session = Session()
    while True:
        verb, arguments, count = pipes.message()
        if verb == "stop":
            flush()
            os._exit(0)
        try:
            parts = pipes.parts(count)
        except MemoryError:
            sys.stderr.write("out of memory while reading data\n")
            flush()
            os._exit(12)
        try:
            if verb not in VERBS:
                raise ValueError("unknown command")
            answer = getattr(session, verb)(arguments, parts)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # also SystemExit: the model's code does not end the worker in silence
            own = str(session.declared.get("path", "")) if session.declared else ""
            answer = ("error", failure(verb, error, own), ())
            error.__traceback__ = None
        parts = None
        flush()
        pipes.send(*answer)
        answer = None


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        os._exit(1)
