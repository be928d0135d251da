# A logistic regression by Newton's method: the benchmark's model in Julia, as a user would write it.
using LinearAlgebra

function newton(X, y; steps = 25, tolerance = 1e-8)
    weights = zeros(size(X, 2))
    for _ in 1:steps
        p = probability(X, weights)
        step = Symmetric(X' * (X .* (p .* (1 .- p)))) \ (X' * (y .- p))
        weights .+= step
        maximum(abs, step) < tolerance && break
    end
    return weights
end

probability(X, weights) = 1 ./ (1 .+ exp.(-(X * weights)))

"A column of ones, then the columns that are given."
function design(columns)
    X = ones(length(first(columns)), length(columns) + 1)
    for (j, column) in enumerate(columns)
        X[:, j+1] .= column
    end
    return X
end

features(data) = [data[name] for name in keys(data) if name != :churned]

fit(data, params) = newton(design(features(data)), data.churned)
score(model, data) = probability(design(features(data)), model)
