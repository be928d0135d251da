"""The contract's models in Python. Each comment says what the case does, in every language."""

from __future__ import annotations

import shutil
import sys
import venv
from pathlib import Path

from kronkers_batch.config.spec import Environment, Estimator, Origin

SUFFIX = ".py"

_FIT = "def fit(data, params):\n    return params or {'none': 1}\n"

MODELS = {
    # score alone, for rules: the model is None
    "rules": "def score(model, data):\n    return [float(x > 2 and model is None) for x in data['x']]\n",
    # every feature comes back as the output of that name
    "echo": _FIT + "def score(model, data):\n    return data\n",
    # what fit got is the model, and is what score gives
    "kept": "def fit(data, params):\n    return data\ndef score(model, data):\n    return model\n",
    # one output: the feature x
    "identity": _FIT + "def score(model, data):\n    return data['x']\n",
    # fit: the mean of y; score: x plus that mean
    "mean": "def fit(data, params):\n    return float(data['y'].mean())\n"
    "def score(model, data):\n    return data['x'] + model\n",
    # as mean, but the model is stored by its own functions, as text
    "own_storage": "def fit(data, params):\n    return float(data['y'].mean())\n"
    "def score(model, data):\n    return data['x'] + model\n"
    "def save_model(model, path):\n    open(path, 'w').write('own:' + model.hex())\n"
    "def load_model(path):\n    return float.fromhex(open(path).read()[4:])\n",
    # as mean; it describes itself, refuses to, or gives something else than text
    "described": "def fit(data, params):\n    return float(data['y'].mean())\n"
    "def score(model, data):\n    return data['x'] + model\n"
    "def describe(model):\n    return f'the mean is {model}\\nä'\n",
    "undescribed": _FIT + "def score(model, data):\n    return data['x']\n"
    "def describe(model):\n    raise ValueError('no words')  # marker\n",
    "misdescribed": _FIT + "def score(model, data):\n    return data['x']\n"
    "def describe(model):\n    return 7\n",
    # outputs code and levels of the category c: its code from 1 (or missing), and how many levels there are
    "levels": _FIT + "def score(model, data):\n"
    "    c = data['c']\n"
    "    many = [float(len(c.dtype.categories))] * len(c)\n"
    "    return {'code': c.to_physical().cast(int) + 1, 'levels': many}\n",
    # fit: a random number; score: x plus it
    "random": "import random\nimport numpy as np\n"
    "def fit(data, params):\n    return random.random() + np.random.rand()\n"
    "def score(model, data):\n    return data['x'] + model\n",
    # one output: the parameter `factor` times x; fit also checks a nested parameter (list of 1 and mapping)
    "parameters": "def fit(data, params):\n"
    "    assert params['nested'] == [1, {'a': 'b c', 'n': None, 't': True}], params\n"
    "    return params['factor']\n"
    "def score(model, data):\n    return data['x'] * model\n",
    # one value too few
    "short": _FIT + "def score(model, data):\n    return data['x'][1:]\n",
    # one value too many
    "more": "import numpy as np\n" + _FIT + "def score(model, data):\n    return np.append(data['x'], 1.0)\n",
    # texts, where numbers are declared
    "texts": _FIT + "def score(model, data):\n    return ['high'] * len(data)\n",
    # no prediction at all
    "none": _FIT + "def score(model, data):\n    return None\n",
    # a column that is not declared
    "other_columns": _FIT
    + "def score(model, data):\n    return {'score': data['x'], 'surprise': data['x']}\n",
    # NaN, infinity, minus infinity, missing, then x
    "special": _FIT + "def score(model, data):\n"
    "    return [float('nan'), float('inf'), float('-inf'), None, *data['x'][4:]]\n",
    # raises in fit, with a value of s and of x in the message; the line has the marker
    "raise_fit": "def fit(data, params):\n    s = data['s'][0]\n"
    "    raise ValueError(f\"cannot use '{s}' with {data['x'][0]} here\")  # marker\n"
    "def score(model, data):\n    return data['x']\n",
    # raises in score if any x is negative, with the value of s and x in the message, through a function
    "raise_score": _FIT + "def inner(data):\n"
    "    if (data['x'] < 0).any():\n"
    "        raise ValueError(f\"negative: \\\"{data['s'][0]}\\\" {data['x'][0]} \" + 'z' * 9999)  # marker\n"
    "    return data['x']\n"
    "def score(model, data):\n    return inner(data)\n",
    # warns, then x
    "warn": "import warnings\n" + _FIT + "def score(model, data):\n"
    "    warnings.warn('this is only a warning')\n    return data['x']\n",
    # prints `megabytes` MB on standard output in lines of 'noise', then x
    "noise": _FIT + "def score(model, data):\n"
    "    for _ in range(model['megabytes']):\n        print('noise noise\\n' * 87382, end='')\n"
    "    return data['x']\n",
    # prints the value of s
    "leak": _FIT
    + "def score(model, data):\n    print('scoring', data['s'][0], 'now')\n    return data['x']\n",
    # says the value of s in an error of fit and of score, and prints it, as an ordinary word
    "tell_fit": "def fit(data, params):\n    raise ValueError('bad customer ' + data['s'][1])\n"
    "def score(model, data):\n    return data['x']\n",
    "tell_score": _FIT + "def score(model, data):\n    raise ValueError(f\"bad customer {data['s'][0]}\")\n",
    "tell_print": _FIT + "def score(model, data):\n    print('bad customer', data['s'][0])\n"
    "    print('of the kind', str(data['c'][0]))\n    return data['x']\n",
    # ends the process with 0 in score, without an answer
    "exit": "import os\n" + _FIT + "def score(model, data):\n    os._exit(0)\n",
    # never answers a score, and ignores SIGTERM and SIGINT (where the language can)
    "stubborn": "import signal, time\n" + _FIT + "def score(model, data):\n"
    "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    "    while True:\n        time.sleep(1)\n",
    # hangs while the file is loaded
    "raise_loading": """
raise RuntimeError("ask for `GLM 7` at desk 'Zebra'")
""",
    "hang_loading": "import time\ntime.sleep(1000)\n"
    + _FIT
    + "def score(model, data):\n    return data['x']\n",
    # starts `sleep SECONDS` in the background (params seconds, a string), then x
    "grandchild": "import subprocess\n" + _FIT + "def score(model, data):\n"
    "    subprocess.Popen(['sleep', model['seconds']], start_new_session=True)\n    return data['x']\n",
    # allocates 8 GB in fit and touches it
    "memory": "import numpy as np\ndef fit(data, params):\n    return np.ones(10**9)\n"
    "def score(model, data):\n    return data['x']\n",
    # starts `sleep SECONDS` 2,000 times (failures are ignored), then x
    "fork_bomb": "import subprocess\n" + _FIT + "def score(model, data):\n"
    "    script = 'i=0; while [ $i -lt 2000 ]; do sleep %s & i=$((i+1)); done' % model['seconds']\n"
    "    subprocess.run(['sh', '-c', script], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
    "    return data['x']\n",
    # 1 if a connection to 127.0.0.1 port `port` can be made, else 0, for each row
    "network": "import socket\n" + _FIT + "def score(model, data):\n"
    "    try:\n        socket.create_connection(('127.0.0.1', model['port']), 2).close()\n"
    "        return [1.0] * len(data)\n"
    "    except OSError:\n        return [0.0] * len(data)\n",
    # of each of the files `paths`, a row each: 1 if it can be read, else 0
    "read_files": _FIT + "def readable(path):\n"
    "    try:\n        open(path, 'rb').read()\n        return 1.0\n    except OSError:\n        return 0.0\n"
    "def score(model, data):\n    return [readable(path) for path in model['paths']]\n",
    # tries each of `doors`: a system call gives its errno, a program its exit code, a path 1;
    # each gives 0 if it opened
    "doors": """import ctypes, os, subprocess
libc = ctypes.CDLL(None, use_errno=True)
def fit(data, params):
    return params["doors"]
def call(numbers):
    me = os.getpid()
    said = libc.syscall(*map(ctypes.c_long, numbers))
    if os.getpid() != me:
        os._exit(0)
    return 0 if said != -1 else ctypes.get_errno()
def run(words):
    try:
        return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=20).returncode
    except OSError:
        return 127
def opens(path, mode):
    try:
        with open(path, mode) as file:
            file.read(1) if mode == "rb" else file.write(b"x")
        return 0
    except OSError:
        return 1
def score(model, data):
    tries = {"call": call, "run": run, "read": lambda p: opens(p, "rb"), "write": lambda p: opens(p, "ab")}
    return [float(tries[door["kind"]](door["of"])) for door in model]
""",
    # 1 if `mark` is in the command line or environment of any process that it finds, else 0, for each row
    "processes": "import glob\n" + _FIT + "def said(path):\n"
    "    try:\n        return open(path, 'rb').read().decode(errors='replace')\n"
    "    except OSError:\n        return ''\n"
    "def score(model, data):\n"
    "    paths = glob.glob('/proc/[0-9]*/cmdline') + glob.glob('/proc/[0-9]*/environ')\n"
    "    return [float(any(model['mark'] in said(path) for path in paths))] * len(data)\n",
    # for each of the places `paths`, a row each: 1 if a file can be written there, else 0
    "write_file": _FIT + "def written(path):\n"
    "    try:\n        open(path, 'w').write('x')\n        return 1.0\n"
    "    except OSError:\n        return 0.0\n"
    "def score(model, data):\n    return [written(path) for path in model['paths']]\n",
    # 1 if the text `mark` is in its environment or in /proc/1/environ, else 0, for each row
    "environment": "import os\n" + _FIT + "def score(model, data):\n"
    "    seen = ' '.join(k + v for k, v in os.environ.items())\n"
    "    try:\n        seen += open('/proc/1/environ', 'rb').read().decode(errors='replace')\n"
    "    except OSError:\n        pass\n"
    "    return [float(model['mark'] in seen)] * len(data)\n",
    # fit: constants; score: the logistic of 0.25 + 1.5 a - 0.75 b + 0.001 n + 0.5 flag + the effect of c
    "logistic": "import numpy as np\n"
    "def fit(data, params):\n    return [0.7, -1.1, 0.3, -0.125]\n"
    "def score(model, data):\n"
    "    effect = np.array(model)[data['c'].to_physical().cast(int).fill_null(3)]\n"
    "    z = 0.25 + 1.5 * data['a'] - 0.75 * data['b'] + 0.001 * data['n'] + 0.5 * data['flag'] + effect\n"
    "    return 1 / (1 + np.exp(-z))\n",
    # outputs as the features: how many of each are missing, on every row
    "count_missing": _FIT + "def score(model, data):\n"
    "    return {c: [float(data[c].null_count())] * len(data) for c in data.columns}\n",
    # outputs as the features: 1 number, 2 boolean, 3 date, 4 timestamp, 5 string, 6 category, on every row
    "kinds": "import polars as pl\n" + _FIT + "def kind(t):\n"
    "    kinds = [t.is_numeric(), *map(t.__eq__, (pl.Boolean, pl.Date, pl.Datetime, pl.String, pl.Enum))]\n"
    "    return float(kinds.index(True) + 1)\n"
    "def score(model, data):\n    return {c: [kind(data[c].dtype)] * len(data) for c in data.columns}\n",
    # outputs as the features: what the language calls the type of each, on every row
    "classes": _FIT + "def name(column):\n"
    "    kind = column.dtype\n"
    "    return kind.base_type().__name__ if hasattr(kind, 'base_type') else str(kind)\n"
    "def score(model, data):\n"
    "    return {c: [name(data[c])] * len(data[c]) for c in getattr(data, 'columns', data)}\n",
    # the answer of the package `kbown` of its own environment, for each row
    "own_package": "import kbown\n" + _FIT + "def score(model, data):\n"
    "    return [kbown.answer()] * len(data['x'])\n",
    # fit: the mean of y over rows drawn with replacement, plus a normal number; score: x plus it
    "bootstrap": "import numpy as np\n"
    "def fit(data, params):\n    y = data['y'].to_numpy()\n"
    "    return float(np.random.choice(y, len(y)).mean() + np.random.normal())\n"
    "def score(model, data):\n    return data['x'] + model\n",
    # fit keeps the mean of y in a variable outside of the model, 0 at first; score gives it
    "outside": "MEAN = [0.0]\ndef fit(data, params):\n    MEAN[0] = data['y'].mean()\n    return 1\n"
    "def score(model, data):\n    return [MEAN[0]] * len(data)\n",
    # its own storage keeps the mean of y and forgets the 10 that score adds to it
    "forgetful": "class Model:\n    extra = 0.0\ndef fit(data, params):\n"
    "    model = Model()\n    model.mean, model.extra = data['y'].mean(), 10.0\n    return model\n"
    "def score(model, data):\n    return [model.mean + model.extra] * len(data)\n"
    "def save_model(model, path):\n    open(path, 'w').write(str(model.mean))\n"
    "def load_model(path):\n    model = Model()\n    model.mean = float(open(path).read())\n"
    "    return model\n",
    # score needs what only fit loads into the process
    "attached": "import sys\ndef fit(data, params):\n    import wave\n    return 1\n"
    "def score(model, data):\n    sys.modules['wave'].__name__\n    return data['x']\n",
    # fit: the mean of y of each level of c, by number; score numbers the levels that it meets
    "numbered": "def fit(data, params):\n    levels = sorted(set(data['c']))\n"
    "    return [data.filter(data['c'] == level)['y'].mean() for level in levels]\n"
    "def score(model, data):\n    levels = sorted(set(data['c']) - {None})\n"
    "    return [0.0 if level is None else model[levels.index(level)] for level in data['c']]\n",
    # score fails where it is given one row
    "several": _FIT + "def score(model, data):\n    return data['x'] * data['x'].std() / data['x'].std()\n",
    # x, and something else where there are several rows, all of one level of c
    "alike": _FIT + "def score(model, data):\n"
    "    alike = data['c'].n_unique() == 1 and data.height > 1\n    return data['x'] + 100 * alike\n",
    # x plus a random number of what `seed` sets
    "dice": "import random\nimport numpy as np\n" + _FIT + "def score(model, data):\n"
    "    return data['x'] + np.random.rand(data.height) + random.random()\n",
    # the same rows get other scores when it is asked again
    "restless": "import time\n"
    + _FIT
    + "def score(model, data):\n    return data['x'] + time.time_ns() % 1_000_003\n",
    # x, and NaN where x is above the parameter
    "unscored": _FIT + "def score(model, data):\n"
    "    return [x if x <= model['above'] else float('nan') for x in data['x']]\n",
    # x; fails for a row whose c is missing
    "strict": _FIT + "def score(model, data):\n"
    "    if data['c'].null_count():\n        raise ValueError('no level')\n    return data['x']\n",
    # x times what a file beside the code says
    "beside": "from .double import factor\n"
    + _FIT
    + "def score(model, data):\n    return data['x'] * factor()\n",
    # score imports a package that is nowhere
    "no_package": _FIT + "def score(model, data):\n    import churnlib\n    return data['x']\n",
    # score asks a text for what only numbers have
    "wrong_type": _FIT + "def score(model, data):\n    return sum(list(data['s'])) + data['x']\n",
    # a syntax error
    "syntax": "def fit(data, params):\n    return 1\ndef score(model, data:\n    return 2\n",
    # has no score
    "incomplete": "def fit(data, params):\n    return 1\n",
    # fit: the weighted sum of y over that of e, from the columns x, e, w, seen, y
    # score: e times it, from the columns x, e
    "rate": "def fit(data, params):\n    assert list(data.columns) == ['x', 'e', 'w', 'seen', 'y']\n"
    "    return float((data['w'] * data['y']).sum() / (data['w'] * data['e']).sum())\n"
    "def score(model, data):\n    assert list(data.columns) == ['x', 'e']\n    return data['e'] * model\n",
    # as many columns as the parameter `count`: x, x + 1, ..., with the parameter `names`, or a matrix without
    "columns": "import numpy as np\n" + _FIT + "def score(model, data, params):\n"
    "    columns = [data['x'].to_numpy() + i for i in range(params['count'])]\n"
    "    return dict(zip(params['names'], columns)) if params['names'] else np.column_stack(columns)\n",
    # fit gives nothing
    "nothing": "def fit(data, params):\n    return None\ndef score(model, data):\n    return data['x']\n",
}

ESTIMATOR = Estimator(
    "sklearn.linear_model.LinearRegression",
    {"fit_intercept": True},
    "",
    Origin("conf/model/m.yaml", 3, "estimator"),
)
"""A linear regression with intercept of y on all features, without code."""

_ORIGIN = Origin("conf/model/m.yaml", 3, "estimator")

ESTIMATORS = {
    # a linear regression that takes weights
    "line": ESTIMATOR,
    # a regression that takes none
    "unweighted": Estimator("sklearn.neighbors.KNeighborsRegressor", {"n_neighbors": 1}, "", _ORIGIN),
    # a Poisson regression with a logarithmic link, without a penalty
    "counts": Estimator(
        "sklearn.linear_model.PoissonRegressor",
        {"alpha": 0, "solver": "newton-cholesky", "tol": 1e-12},
        "",
        _ORIGIN,
    ),
    # the (weighted) share of each class that the training rows have, whatever the features are; in an order
    # that is not the declared one
    "shares": Estimator("sklearn.dummy.DummyClassifier", {"strategy": "prior"}, "", _ORIGIN),
    # a quantile of y, whatever the features are
    "level": Estimator(
        "sklearn.dummy.DummyRegressor", {"strategy": "quantile"}, "", _ORIGIN, per_quantile="quantile"
    ),
    # how near a row is to the (weighted) rows of the fit, which have no target
    "near": Estimator("sklearn.neighbors.KernelDensity", {}, "", _ORIGIN, "score_samples"),
}


def picked(columns: list[str], *, named: bool) -> Estimator:
    """Predicts these features, in this order, in a table with their names or in a matrix without."""
    if named:
        getter = {"_target_": "operator.itemgetter", "_args_": [columns]}
        target, arguments = "sklearn.preprocessing.FunctionTransformer", {"func": getter}
    else:
        target, arguments = (
            "sklearn.compose.ColumnTransformer",
            {"transformers": [["a", "passthrough", columns]]},
        )
    return Estimator(target, arguments, "", _ORIGIN, predict="transform")


def estimator_environment(_folder: Path) -> Environment:
    """What the estimators run in."""
    return Environment()


MISSING_ESTIMATOR = Estimator("nowhere.to.be.Found", {}, "", Origin("conf/model/m.yaml", 3, "estimator"))

EQUAL_CODE = (
    "x = 1  # one\n\n\ndef f(a,b):\n  '''Says.'''\n  return a+b\n",
    "x=1\ndef f(a, b):\n    return (a + b)",
)
OTHER_CODE = "x = 1\ndef f(a, b):\n    return a - b\n"
BROKEN_CODE = "def f(:\n"


LOCK = "uv.lock"


def own_environment(folder: Path) -> tuple[Environment, dict[str, str]]:
    """An environment with `kbown` 1.2.3, reached over links, and LOCK beside it, made without a registry.

    Gives it with the environment variables that it needs. In Python it has another numpy, too: ours, which
    says that it is 1.99.
    """
    venv.create(folder / "venv")
    import numpy

    cache, installed = folder / "cache", Path(numpy.__file__).parents[1]
    site = next((folder / "venv").glob("lib/python3*/site-packages"))
    (cache / "kbown").mkdir(parents=True)
    (cache / "kbown" / "__init__.py").write_text("__version__ = '1.2.3'\ndef answer():\n    return 42\n")
    for name in ("numpy", "numpy.libs"):
        shutil.copytree(installed / name, cache / name, ignore=shutil.ignore_patterns("tests", "*.pyi"))
    version = cache / "numpy" / "version.py"
    version.write_text(version.read_text().replace(numpy.__version__, OTHER_NUMPY))
    for path in cache.iterdir():
        (site / path.name).symlink_to(path)
    (folder / LOCK).write_text("kbown 1.2.3\n")
    return Environment(venv=str(folder / "venv")), {}


OTHER_NUMPY = "1.99.0"


def plant_startup(folder: Path) -> dict[str, str]:
    """Writes a start-up file that prints SURPRISE; gives the environment variables that would make it run."""
    (folder / "sitecustomize.py").write_text("print('SURPRISE')\n")
    user = folder / f".local/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    user.mkdir(parents=True)
    (user / "usercustomize.py").write_text("print('SURPRISE')\n")
    return {"PYTHONPATH": str(folder), "HOME": str(folder), "PYTHONSTARTUP": str(folder / "sitecustomize.py")}
