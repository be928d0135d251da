# A linear regression as Julia packages are: functions on tables. For tests of declared estimators.
# It solves its equations by hand, as compiling LinearAlgebra's solvers would take a test three seconds.
__precompile__(false)

module LinearFit

struct Line
    coefficients::Vector{Float64} # the intercept first; it is 0 where there is none
end

function fit(features, y; intercept = true)
    columns = Vector{Float64}[collect(Float64, column) for column in features]
    intercept && pushfirst!(columns, ones(length(y)))
    n = length(columns)
    a = Float64[sum(columns[i] .* columns[j]) for i in 1:n, j in 1:n]
    b = Float64[sum(columns[i] .* y) for i in 1:n]
    for i in 1:n, k in 1:n # Gauss and Jordan; the pivots of a positive definite matrix are not 0
        k == i && continue
        f = a[k, i] / a[i, i]
        for j in 1:n
            a[k, j] -= f * a[i, j]
        end
        b[k] -= f * b[i]
    end
    found = Float64[b[i] / a[i, i] for i in 1:n]
    return Line(intercept ? found : [0.0; found])
end

function predict(line::Line, features)
    scores = fill(line.coefficients[1], length(features[1]))
    for (i, column) in enumerate(features)
        scores .+= line.coefficients[i+1] .* column
    end
    return scores
end

half(line::Line, features; of = 1.0) = predict(line, features) .* of ./ 2

end
