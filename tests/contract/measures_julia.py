"""Measures in Julia; see `measures_python.py`."""

SUFFIX = ".jl"
MEASURES = {
    "cost": """\
function loss(truth, score, data)
    @assert keys(score) == (:home, Symbol("légal aid"), :motor)
    @assert levels(truth) == [String(k) for k in keys(score)]
    @assert keys(data) == (:region, :minutes, :n)
    given = [score[Symbol(t)][i] for (i, t) in enumerate(truth)]
    minutes = coalesce.(data.minutes, 1.0)
    return (1 .- given) .* minutes .+ 0.1 .* isequal.(data.region, "north") .+ data.n ./ 8
end
""",
    "review": """\
function metric(truth, score, data)
    names = [String(k) for k in keys(score)]
    best(i) = names[argmax([score[k][i] for k in keys(score)])]
    hits = [best(i) == truth[i] for i in eachindex(truth)]
    return (cost_per_claim = sum(data.n .* .!hits) / length(hits), hits = sum(hits) / length(hits))
end
""",
    "single": "loss(truth, score, data) = abs.(score .- truth) .* data.n\n",
    "yes": """\
function metric(truth, score, data)
    @assert truth isa Vector{Bool}
    return Dict("hits" => sum((score .> 0.5) .== truth))
end
""",
    "raises": """\
function helper(truth)
    error("odd value $(truth[1]) of a claim")  # here
end
function loss(truth, score, data)
    return helper(truth)
end
""",
    "short": "loss(truth, score, data) = [1.0, 2.0]\n",
    "missing": "loss(truth, score, data) = [s < 3 ? t : missing for (t, s) in zip(truth, score)]\n",
    "infinite": "metric(truth, score, data) = (hits = Inf, cost = 1)\n",
    "table": "loss(truth, score, data) = (loss = truth,)\n",
    "text": "loss(truth, score, data) = string.(truth)\n",
    "chance": "loss(truth, score, data) = truth .* 0 .+ rand()\n",
    "ranked": "loss(truth, score, data) = truth .+ 0.001 .* eachindex(truth)\n",
    "relative": "loss(truth, score, data) = truth ./ (sum(truth) / length(truth))\n",
    "first": "metric(truth, score, data) = (hits = truth[1], cost = 1)\n",
    "lacks": "metric(truth, score, data) = (cost = 1.0,)\n",
    "more": "metric(truth, score, data) = (cost = 1.0, hits = 1.0, extra = 1.0)\n",
    "vague": 'metric(truth, score, data) = (cost = "cheap", hits = 1.0)\n',
    "unnamed": "metric(truth, score, data) = [1.0, 2.0]\n",
    "nothing": "score(truth, score, data) = truth\n",
    "broken": "x = 1\nfunction loss(truth, score, data)\n    return (truth\nend\n",
}
