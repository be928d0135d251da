"""The contract's models in Julia; what each case does is said in `models_python.py`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from kronkers_batch.config.spec import Environment, Estimator, Origin
from kronkers_batch.runtimes.languages import julia

SUFFIX = ".jl"

_FIT = "fit(data, params) = isempty(params) ? 1 : params\n"
_X = "score(model, data) = data.x\n"

_MEAN = "using Statistics\nfit(data, params) = mean(data.y)\nscore(model, data) = data.x .+ model\n"

MODELS = {
    "rules": "score(model, data) = model === nothing ? Float64.(data.x .> 2) : error()\n",
    "echo": _FIT + "score(model, data) = data\n",
    "kept": "fit(data, params) = data\nscore(model, data) = model\n",
    "identity": _FIT + _X,
    "mean": _MEAN,
    "own_storage": _MEAN + 'save_model(model, path) = write(path, "own:$(repr(model))")\n'
    "load_model(path) = parse(Float64, read(path, String)[5:end])\n",
    "described": _MEAN + 'describe(model) = "the mean is $model\\nä"\n',
    "undescribed": _FIT + _X + 'describe(model) = error("no words") # marker\n',
    "misdescribed": _FIT + _X + "describe(model) = 7\n",
    "levels": _FIT + "function score(model, data)\n"
    "    c = data.c\n"
    "    code = [n == 0 ? missing : n for n in codes(c)]\n"
    "    return (code = code, levels = fill(length(levels(c)), length(c)))\n"
    "end\n",
    "random": "fit(data, params) = rand() + randn()\nscore(model, data) = data.x .+ model\n",
    "parameters": "function fit(data, params)\n"
    '    one, two = params["nested"]\n'
    '    @assert one === 1 && two["a"] == "b c" && two["n"] === nothing && two["t"] === true\n'
    '    return params["factor"]\n'
    "end\nscore(model, data) = data.x .* model\n",
    "short": _FIT + "score(model, data) = data.x[2:end]\n",
    "more": _FIT + "score(model, data) = [data.x; 1.0]\n",
    "texts": _FIT + 'score(model, data) = fill("high", length(data.x))\n',
    "none": _FIT + "score(model, data) = nothing\n",
    "other_columns": _FIT + "score(model, data) = (score = data.x, surprise = data.x)\n",
    "special": _FIT + "score(model, data) = [NaN; Inf; -Inf; missing; data.x[5:end]]\n",
    "raise_fit": "function fit(data, params)\n    s = data.s[1]\n"
    "    error(\"cannot use '$s' with $(data.x[1]) here\") # marker\nend\n" + _X,
    "raise_score": _FIT + "function inner(data)\n    if any(data.x .< 0)\n"
    '        error("negative: \\"$(data.s[1])\\" $(data.x[1]) " * "z"^50000) # marker\n'
    "    end\n    return data.x\nend\nscore(model, data) = inner(data)\n",
    "warn": _FIT + 'score(model, data) = (@warn "this is only a warning"; data.x)\n',
    "noise": _FIT + 'function score(model, data)\n    for _ in 1:model["megabytes"]\n'
    '        print("noise noise\\n"^87382)\n    end\n'
    "    return data.x\nend\n",
    "leak": _FIT + 'score(model, data) = (println("scoring ", data.s[1], " now"); data.x)\n',
    "tell_fit": 'fit(data, params) = error("bad customer " * data.s[2])\n' + _X,
    "tell_score": _FIT + 'score(model, data) = error("bad customer " * data.s[1])\n',
    "tell_print": _FIT + 'function score(model, data)\n    println("bad customer ", data.s[1])\n'
    '    println("of the kind ", data.c[1])\n    return data.x\nend\n',
    "exit": _FIT + "score(model, data) = ccall(:_exit, Cvoid, (Cint,), 0)\n",
    "stubborn": _FIT + "function score(model, data)\n"
    "    for number in (2, 15)\n"
    "        ccall(:signal, Ptr{Cvoid}, (Cint, Ptr{Cvoid}), number, Ptr{Cvoid}(1))\n    end\n"
    "    while true\n        sleep(1)\n    end\nend\n",
    "raise_loading": """
error("ask for `GLM 7` at desk 'Zebra'")
""",
    "hang_loading": "sleep(1000)\n" + _FIT + _X,
    "grandchild": _FIT + "function score(model, data)\n"
    '    run(detach(`sleep $(model["seconds"])`), wait = false)\n    return data.x\nend\n',
    "memory": "fit(data, params) = ones(10^9)\n" + _X,
    "fork_bomb": _FIT + "function score(model, data)\n"
    '    seconds = model["seconds"]\n'
    '    script = "i=0; while [ \\$i -lt 2000 ]; do sleep $seconds & i=\\$((i+1)); done 2>/dev/null"\n'
    "    run(pipeline(ignorestatus(`sh -c $script`), stdin = devnull, stdout = devnull, stderr = devnull))\n"
    "    return data.x\nend\n",
    "network": "using Sockets\n" + _FIT + "function score(model, data)\n    reached = try\n"
    '        close(connect(ip"127.0.0.1", model["port"]))\n        1.0\n    catch\n        0.0\n    end\n'
    "    return fill(reached, length(data.x))\nend\n",
    "read_files": _FIT + "function readable(path)\n    try\n        read(path)\n        return 1.0\n"
    "    catch\n        return 0.0\n    end\nend\n"
    'score(model, data) = readable.(model["paths"])\n',
    "doors": """fit(data, params) = params["doors"]
function call(numbers)
    a = [Clong(n) for n in [numbers; zeros(Int, 7 - length(numbers))]]
    me = ccall(:getpid, Cint, ())
    said = ccall(:syscall, Clong, (Clong, Clong, Clong, Clong, Clong, Clong, Clong),
        a[1], a[2], a[3], a[4], a[5], a[6], a[7])
    failed = Libc.errno()
    ccall(:getpid, Cint, ()) == me || ccall(:_exit, Cvoid, (Cint,), 0)
    return said == -1 ? failed : 0
end
function started(words)
    try
        quiet = (stdin = devnull, stdout = devnull, stderr = devnull)
        done = run(pipeline(ignorestatus(Cmd(String[words...])); quiet...))
        return done.exitcode
    catch
        return 127
    end
end
function opens(path, mode)
    try
        open(file -> mode == "r" ? read(file, UInt8) : write(file, "x"), path, mode)
        return 0
    catch
        return 1
    end
end
function one(door)
    kind, of = door["kind"], door["of"]
    kind == "call" && return call(of)
    kind == "run" && return started(of)
    return opens(of, kind == "read" ? "r" : "a")
end
score(model, data) = Float64[one(door) for door in model]
""",
    "processes": _FIT + "function said(path)\n    try\n        return read(path, String)\n"
    '    catch\n        return ""\n    end\nend\n'
    "function score(model, data)\n"
    '    numbers = filter(name -> all(isdigit, name), readdir("/proc"))\n'
    '    paths = ["/proc/$n/$file" for n in numbers for file in ("cmdline", "environ")]\n'
    '    found = any(path -> occursin(model["mark"], said(path)), paths)\n'
    "    return fill(Float64(found), length(data.x))\nend\n",
    "write_file": _FIT + 'function written(path)\n    try\n        write(path, "x")\n        return 1.0\n'
    "    catch\n        return 0.0\n    end\nend\n"
    'score(model, data) = written.(model["paths"])\n',
    "environment": _FIT + "function score(model, data)\n"
    "    seen = join([string(k, v) for (k, v) in ENV])\n"
    '    try\n        seen *= read("/proc/1/environ", String)\n    catch\n    end\n'
    '    return fill(Float64(occursin(model["mark"], seen)), length(data.x))\nend\n',
    "logistic": "fit(data, params) = [0.7, -1.1, 0.3]\n"
    "function score(model, data)\n"
    "    effect = [k == 0 ? -0.125 : model[k] for k in codes(data.c)]\n"
    "    z = @. 0.25 + 1.5 * data.a - 0.75 * data.b + 0.001 * data.n + 0.5 * data.flag + effect\n"
    "    return @. 1 / (1 + exp(-z))\nend\n",
    "count_missing": _FIT
    + "score(model, data) = map(v -> fill(Float64(count(ismissing, v)), length(v)), data)\n",
    "kinds": "using Dates\n" + _FIT + "function kind(v)\n"
    "    T = nonmissingtype(eltype(v))\n"
    "    v isa Categorical && return 6.0\n"
    "    T === Bool && return 2.0\n"
    "    return Float64(findfirst(S -> T <: S, [Real, Bool, Date, DateTime, AbstractString]))\nend\n"
    "score(model, data) = map(v -> fill(kind(v), length(v)), data)\n",
    "classes": "using Dates\n" + _FIT + "name(v) = v isa Categorical ? Categorical : eltype(v)\n"
    "score(model, data) = map(v -> fill(string(name(v)), length(v)), data)\n",
    "own_package": "using kbown\n" + _FIT + "score(model, data) = fill(kbown.answer(), length(data.x))\n",
    "bootstrap": "using Statistics\n"
    "fit(data, params) = mean(rand(data.y, length(data.y))) + randn()\n"
    "score(model, data) = data.x .+ model\n",
    "syntax": "fit(data, params) = 1\nfunction score(model, data\n    2\nend\n",
    "incomplete": "fit(data, params) = 1\n",
    "no_package": _FIT + "score(model, data) = (@eval(using Churnlib); data.x)\n",
    "wrong_type": _FIT + "score(model, data) = data.x .+ sqrt(data.s[1])\n",
    "outside": "const MEAN = Ref(0.0)\nfit(data, params) = (MEAN[] = sum(data.y) / length(data.y); 1)\n"
    "score(model, data) = fill(MEAN[], length(data.x))\n",
    "forgetful": "fit(data, params) = [sum(data.y) / length(data.y), 10.0]\n"
    "score(model, data) = fill(sum(model), length(data.x))\n"
    "save_model(model, path) = write(path, repr(model[1]))\n"
    "load_model(path) = [parse(Float64, read(path, String))]\n",
    "attached": "fit(data, params) = (@eval(using Statistics); 1)\n"
    "score(model, data) = data.x .+ 0 * mean(data.x)\n",
    "numbered": "function fit(data, params)\n    c = collect(data.c)\n"
    "    return [sum(data.y[c .== level]) / sum(c .== level) for level in sort(unique(c))]\nend\n"
    "function score(model, data)\n    c = collect(data.c)\n    met = sort(unique(skipmissing(c)))\n"
    "    return [level === missing ? 0.0 : model[findfirst(isequal(level), met)] for level in c]\nend\n",
    "several": _FIT + "score(model, data) = data.x .+ 0 * data.x[2]\n",
    "alike": _FIT + "function score(model, data)\n"
    "    alike = length(data.x) > 1 && length(unique(data.c)) == 1\n    return data.x .+ 100 * alike\nend\n",
    "dice": _FIT + "score(model, data) = data.x .+ rand(length(data.x))\n",
    "restless": _FIT + "score(model, data) = data.x .+ time_ns() % 1_000_003\n",
    "unscored": _FIT + 'score(model, data) = [x <= model["above"] ? x : NaN for x in data.x]\n',
    "strict": _FIT + "function score(model, data)\n"
    '    any(ismissing, data.c) && error("no level")\n    return data.x\nend\n',
    "beside": 'include("double.jl")\n' + _FIT + "score(model, data) = data.x .* factor()\n",
    "rate": "function fit(data, params)\n    @assert keys(data) == (:x, :e, :w, :seen, :y)\n"
    "    return sum(data.w .* data.y) / sum(data.w .* data.e)\nend\n"
    "score(model, data) = (@assert keys(data) == (:x, :e); data.e .* model)\n",
    "columns": _FIT + "function score(model, data, params)\n"
    '    columns = [data.x .+ (i - 1) for i in 1:params["count"]]\n'
    '    isempty(params["names"]) && return hcat(columns...)\n'
    '    return (; (Symbol(n) => c for (n, c) in zip(params["names"], columns))...)\nend\n',
    "nothing": "fit(data, params) = nothing\n" + _X,
}

_ORIGIN = Origin("conf/model/m.yaml", 3, "estimator")

ESTIMATOR = Estimator("LinearFit.fit", {"intercept": True}, "", _ORIGIN)
ESTIMATOR_ENVIRONMENT = Environment(project=str(Path(__file__).parent / "julia_project"))

ESTIMATORS = {
    "line": ESTIMATOR,
    "unweighted": Estimator("LinearFit.unweighted", {}, "", _ORIGIN),
    "counts": Estimator("LinearFit.poisson", {}, "", _ORIGIN),
    "shares": Estimator("LinearFit.shares", {}, "", _ORIGIN),
    "level": Estimator("LinearFit.level", {}, "", _ORIGIN, per_quantile="at"),
    "near": Estimator("LinearFit.near", {}, "", _ORIGIN),
}


def picked(columns: list[str], *, named: bool) -> Estimator:
    return Estimator("LinearFit.pick", {"columns": columns, "named": named}, "", _ORIGIN)


def estimator_environment(_folder: Path) -> Environment:
    return ESTIMATOR_ENVIRONMENT


MISSING_ESTIMATOR = Estimator("Nowhere.found", {}, "", _ORIGIN)

EQUAL_CODE = (
    'x = 1 # one\n\n\n"Says."\nfunction f(a,b)\n  #= more =#\n  return a+b\nend\n',
    "x=1\nfunction f(a, b)\n    return (a + b) end",
)
OTHER_CODE = "x = 1\nfunction f(a, b)\n    return a - b\nend\n"
BROKEN_CODE = "function f(\n"


LOCK = "project/Manifest.toml"


def own_environment(folder: Path) -> tuple[Environment, dict[str, str]]:
    """A project whose one package lies in a folder beside it, precompiled into a depot of the user's."""
    project, package, depot = folder / "project", folder / "cache" / "kbown", folder / "depot"
    for path in (project, package / "src", depot):
        path.mkdir(parents=True)
    named = f'name = "kbown"\nuuid = "{UUID}"\nversion = "1.2.3"\n'
    (project / "Project.toml").write_text(f'[deps]\nkbown = "{UUID}"\n')
    (folder / LOCK).write_text(f'[[kbown]]\npath = "../cache/kbown"\nuuid = "{UUID}"\nversion = "1.2.3"\n')
    (package / "Project.toml").write_text(named)
    (package / "src" / "kbown.jl").write_text("module kbown\nanswer() = 42\nend\n")
    variables = {"JULIA_DEPOT_PATH": str(depot)}
    precompile(project, "kbown", variables)
    return Environment(project=str(project)), variables


UUID = "5f1c2f57-51ec-4b36-8d3b-1c3ab0f1c8ab"


def precompile(project: Path, package: str, variables: dict[str, str]) -> None:
    """As the owner of a project does it once, by the Julia that a worker would be."""
    command = julia.command(Environment(project=str(project)), 1)
    options = [option for option in command.argv if not option.endswith("worker.jl")]
    environment = {**os.environ, **command.environment, **variables}
    subprocess.run([*options, "-e", f"using {package}"], env=environment, check=True)


def plant_startup(folder: Path) -> dict[str, str]:
    """Writes a start-up file that prints SURPRISE; gives the environment variables that would make it run."""
    config = folder / ".julia" / "config"
    config.mkdir(parents=True)
    (config / "startup.jl").write_text('println("SURPRISE")\n')
    return {"HOME": str(folder), "JULIA_DEPOT_PATH": str(folder / ".julia")}
