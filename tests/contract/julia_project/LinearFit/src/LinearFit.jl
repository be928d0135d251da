# Models as Julia packages have them: functions on tables. For tests of declared estimators.
# The equations are solved by hand, as compiling LinearAlgebra's solvers would take a test three seconds.
__precompile__(false)

module LinearFit

struct Line
    coefficients::Vector{Float64} # the intercept first; it is 0 where there is none
end

function columns_of(features, intercept)
    columns = Vector{Float64}[collect(Float64, column) for column in features]
    intercept && pushfirst!(columns, ones(length(columns[1])))
    return columns
end

function least_squares(columns, y, weights)
    n = length(columns)
    a = Float64[sum(weights .* columns[i] .* columns[j]) for i in 1:n, j in 1:n]
    b = Float64[sum(weights .* columns[i] .* y) for i in 1:n]
    for i in 1:n, k in 1:n # Gauss and Jordan; the pivots of a positive definite matrix are not 0
        k == i && continue
        f = a[k, i] / a[i, i]
        for j in 1:n
            a[k, j] -= f * a[i, j]
        end
        b[k] -= f * b[i]
    end
    return Float64[b[i] / a[i, i] for i in 1:n]
end

function fit(features, y; intercept = true, weights = ones(length(y)))
    found = least_squares(columns_of(features, intercept), y, weights)
    return Line(intercept ? found : [0.0; found])
end

function predict(line::Line, features)
    scores = fill(line.coefficients[1], length(features[1]))
    for (i, column) in enumerate(features)
        scores .+= line.coefficients[i+1] .* column
    end
    return scores
end

unweighted(features, y) = fit(features, y)

# A Poisson regression with a logarithmic link, by Newton's steps.
struct Poisson
    line::Line
end

function poisson(features, y; weights = ones(length(y)))
    columns = columns_of(features, true)
    line = Line([log(sum(weights .* y) / sum(weights)); zeros(length(columns) - 1)])
    for _ in 1:50
        linear = predict(line, features)
        mean = exp.(linear)
        line = Line(least_squares(columns, linear .+ (y .- mean) ./ mean, weights .* mean))
    end
    return Poisson(line)
end

predict(model::Poisson, features) = exp.(predict(model.line, features))

# The share of each class, in an order of its own.
struct Shares
    shares::Vector{Pair{String,Float64}}
end

function shares(features, y; weights = ones(length(y)))
    found = [class => sum(weights[y.==class]) / sum(weights) for class in sort(unique(y))]
    return Shares(found)
end

function predict(model::Shares, features)
    return Dict(class => fill(share, length(features[1])) for (class, share) in model.shares)
end

struct Level
    value::Float64
end

level(features, y; at) = Level(sort(y)[ceil(Int, at * length(y))])
predict(model::Level, features) = fill(model.value, length(features[1]))

# Predicts some of the features.
struct Pick
    columns::Vector{String}
    named::Bool
end

pick(features, y; columns, named) = Pick(columns, named)

function predict(model::Pick, features)
    found = [features[Symbol(name)] for name in model.columns]
    model.named || return hcat(found...)
    return NamedTuple{Tuple(Symbol.(model.columns))}(Tuple(found))
end

# How near a row is to the rows of the fit, which has no target.
struct Near
    center::Float64
end

near(features; weights = ones(length(features[1]))) = Near(sum(features[1] .* weights) / sum(weights))
alone(features) = near(features)
predict(model::Near, features) = -abs.(features[1] .- model.center)

half(line::Line, features; of = 1.0) = predict(line, features) .* of ./ 2

end
